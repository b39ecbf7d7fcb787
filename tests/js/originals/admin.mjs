// The options of conformance/setups/admin/.
import { admin } from "better-auth/plugins";
import { createAccessControl } from "better-auth/plugins/access";
import { defaultStatements } from "better-auth/plugins/admin/access";

function strict() {
  const ac = createAccessControl({ ...defaultStatements, project: ["create", "share"] });
  const roles = {
    boss: ac.newRole(defaultStatements),
    guard: ac.newRole({ user: ["list", "impersonate", "ban"], session: ["list"], project: ["create"] }),
    clerk: ac.newRole({ user: ["create", "update", "get"], session: [] }),
    guest: ac.newRole({ user: [], session: [] }),
  };
  return admin({
    ac,
    roles,
    defaultRole: "guest",
    adminRoles: ["boss"],
    adminUserIds: ["the-chosen-one"],
    defaultBanReason: "Because",
    defaultBanExpiresIn: 7200,
    impersonationSessionDuration: 600,
    bannedUserMessage: async (user) => `No, ${user.name}: ${user.banReason}`,
    schema: { user: { fields: { role: "user_role", banned: "is_banned" } }, session: { fields: { impersonatedBy: "impersonated_by" } } },
  });
}

export default (setup) => ({
  user: { deleteUser: { enabled: true }, additionalFields: { nickname: { type: "string", required: false } } },
  plugins: [setup === "strict admin" ? strict() : admin()],
});
