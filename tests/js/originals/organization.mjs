// The options of conformance/setups/organization/.
import { organization } from "better-auth/plugins";
import { createAccessControl } from "better-auth/plugins/access";
import { adminAc, defaultStatements, memberAc, ownerAc } from "better-auth/plugins/organization/access";

const HOOKS = [
  "CreateOrganization", "UpdateOrganization", "DeleteOrganization", "AddMember", "RemoveMember",
  "UpdateMemberRole", "CreateInvitation", "AcceptInvitation", "RejectInvitation", "CancelInvitation",
  "CreateTeam", "UpdateTeam", "DeleteTeam", "AddTeamMember", "RemoveTeamMember",
];

function mailed(collect) {
  return async ({ id, email, role, organization, inviter }) => {
    await collect("invitation")({ id, to: email, role, organization: organization.slug, inviter: inviter.user.email });
  };
}

function full(collect) {
  const ac = createAccessControl({ ...defaultStatements, project: ["create", "share"] });
  const roles = {
    owner: ac.newRole({ ...ownerAc.statements, project: ["create", "share"] }),
    admin: ac.newRole({ ...adminAc.statements, project: ["create"] }),
    member: ac.newRole(memberAc.statements),
    guest: ac.newRole({ organization: [] }),
  };
  const named = HOOKS.flatMap((name) => [`before${name}`, `after${name}`]);
  const organizationHooks = Object.fromEntries(
    named.map((name) => [name, async (data) => {
      await collect(name)({ about: data.organization?.slug ?? data.user?.email });
    }]),
  );
  return organization({
    ac,
    roles,
    teams: { enabled: true, maximumTeams: 3, maximumMembersPerTeam: 2 },
    dynamicAccessControl: { enabled: true, maximumRolesPerOrganization: 2 },
    organizationLimit: 2,
    membershipLimit: 3,
    invitationLimit: 2,
    invitationExpiresIn: 3600,
    cancelPendingInvitationsOnReInvite: true,
    requireEmailVerificationOnInvitation: true,
    organizationHooks,
    schema: {
      organization: {
        modelName: "company",
        fields: { name: "title" },
        additionalFields: { plan: { type: "string", required: false }, hidden: { type: "string", required: false, returned: false } },
      },
      member: { additionalFields: { note: { type: "string", required: false } } },
    },
  });
}

export default (setup, collect) => ({
  plugins: [setup === "organization" ? organization({ sendInvitationEmail: mailed(collect) }) : full(collect)],
});
