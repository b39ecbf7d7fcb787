// The stock client's plugins admin and organization, a round against BASE_URL.
//
// Environment: BASE_URL, DATABASE_URL, and ORIGIN (a trusted origin, by default http://localhost:3000).
import { createAuthClient } from "better-auth/client";
import { adminClient, organizationClient } from "better-auth/client/plugins";
import pg from "pg";
import { browser } from "./cookie-jar.mjs";
import { assert, data, finish, refused, step } from "./steps.mjs";

const baseURL = process.env.BASE_URL;
const origin = process.env.ORIGIN ?? "http://localhost:3000";
const unique = `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`;
const connectionString = process.env.DATABASE_URL.replace(/([?&])sslmode=(prefer|allow)&?/, "$1");

function person(name) {
  const page = browser(origin, { cors: false });
  const client = createAuthClient({
    baseURL,
    plugins: [adminClient(), organizationClient()],
    fetchOptions: { customFetchImpl: page.fetch },
  });
  return { name, email: `${name}-${unique}@example.com`, password: `${name}'s password`, page, client };
}

const [ada, bob, cid] = ["ada", "bob", "cid"].map(person);

async function signUp(someone) {
  const { name, email, password, client } = someone;
  someone.id = data(await client.signUp.email({ name, email, password })).user.id;
}

async function who(someone) {
  return data(await someone.client.getSession()).user.email;
}

await step("three sign up, one is made an admin", async () => {
  for (const each of [ada, bob, cid]) await signUp(each);
  const database = new pg.Client({ connectionString });
  await database.connect();
  await database.query('UPDATE "user" SET role = $1 WHERE id = $2', ["admin", ada.id]);
  await database.end();
});

await step("admin: the list of users", async () => {
  const query = { searchValue: unique, sortBy: "name", limit: 2 };
  const { users, total, limit } = data(await ada.client.admin.listUsers({ query }));
  assert.deepEqual([users.map(({ name }) => name), total, limit], [["ada", "bob"], 3, 2]);
  assert.ok(users[0].createdAt instanceof Date);
  refused(await bob.client.admin.listUsers({ query }), 403, "YOU_ARE_NOT_ALLOWED_TO_LIST_USERS");
});

await step("admin: permissions", async () => {
  const permissions = { user: ["ban"] };
  assert.equal(data(await ada.client.admin.hasPermission({ permissions })).success, true);
  assert.equal(data(await bob.client.admin.hasPermission({ permissions })).success, false);
  assert.equal(ada.client.admin.checkRolePermission({ role: "admin", permissions }), true);
});

await step("admin: a user is made, changed, given a role and a password, and removed", async () => {
  const email = `made-${unique}@example.com`;
  const { user } = data(await ada.client.admin.createUser({ email, name: "Made", password: "made's password" }));
  assert.equal(user.role, "user");
  data(await ada.client.admin.updateUser({ userId: user.id, data: { name: "Changed" } }));
  data(await ada.client.admin.setRole({ userId: user.id, role: ["user", "admin"] }));
  data(await ada.client.admin.setUserPassword({ userId: user.id, newPassword: "another password" }));
  const made = person("made");
  data(await made.client.signIn.email({ email, password: "another password" }));
  const { sessions } = data(await ada.client.admin.listUserSessions({ userId: user.id }));
  assert.equal(sessions.length, 1);
  data(await ada.client.admin.revokeUserSession({ sessionToken: sessions[0].token }));
  assert.equal(data(await made.client.getSession()), null);
  data(await ada.client.admin.removeUser({ userId: user.id }));
  refused(await made.client.signIn.email({ email, password: "another password" }), 401, "INVALID_EMAIL_OR_PASSWORD");
});

await step("admin: a ban ends sessions and holds, until it is taken back", async () => {
  const { user } = data(await ada.client.admin.banUser({ userId: cid.id, banReason: "spam", banExpiresIn: 3600 }));
  assert.deepEqual([user.banned, user.banReason], [true, "spam"]);
  assert.equal(data(await cid.client.getSession()), null);
  const { email, password } = cid;
  refused(await cid.client.signIn.email({ email, password }), 403, "BANNED_USER");
  data(await ada.client.admin.unbanUser({ userId: cid.id }));
  data(await cid.client.signIn.email({ email, password }));
});

await step("admin: somebody else for a while", async () => {
  data(await ada.client.admin.impersonateUser({ userId: bob.id }));
  assert.equal(await who(ada), bob.email);
  data(await ada.client.admin.stopImpersonating());
  assert.equal(await who(ada), ada.email);
});

let org;
await step("organization: made, and active", async () => {
  const slug = `org-${unique}`;
  assert.equal(data(await ada.client.organization.checkSlug({ slug })).status, true);
  org = data(await ada.client.organization.create({ name: "Org", slug, metadata: { kind: "test" } }));
  assert.deepEqual(org.metadata, { kind: "test" });
  refused(await bob.client.organization.checkSlug({ slug }), 400, "ORGANIZATION_SLUG_ALREADY_TAKEN");
  assert.equal(data(await ada.client.getSession()).session.activeOrganizationId, org.id);
  assert.deepEqual(data(await ada.client.organization.list()).map(({ id }) => id), [org.id]);
});

await step("organization: somebody is invited and joins", async () => {
  const invitation = data(await ada.client.organization.inviteMember({ email: bob.email, role: "member" }));
  const query = { id: invitation.id };
  assert.equal(data(await bob.client.organization.getInvitation({ query })).organizationName, "Org");
  refused(await cid.client.organization.getInvitation({ query }), 403, "YOU_ARE_NOT_THE_RECIPIENT_OF_THE_INVITATION");
  const { member } = data(await bob.client.organization.acceptInvitation({ invitationId: invitation.id }));
  assert.equal(member.role, "member");
  bob.memberId = member.id;
});

await step("organization: members, roles and permissions", async () => {
  const full = data(await bob.client.organization.getFullOrganization());
  assert.deepEqual(full.members.map(({ user }) => user.email).sort(), [ada.email, bob.email].sort());
  const permissions = { invitation: ["create"] };
  assert.equal(data(await bob.client.organization.hasPermission({ permissions })).success, false);
  data(await ada.client.organization.updateMemberRole({ memberId: bob.memberId, role: ["admin"] }));
  assert.equal(data(await bob.client.organization.hasPermission({ permissions })).success, true);
  assert.equal(data(await bob.client.organization.getActiveMember()).role, "admin");
  assert.equal(data(await bob.client.organization.getActiveMemberRole()).role, "admin");
  assert.equal(data(await ada.client.organization.listMembers()).total, 2);
});

await step("organization: invitations are turned down and taken back", async () => {
  const first = data(await bob.client.organization.inviteMember({ email: cid.email, role: "member" }));
  data(await cid.client.organization.rejectInvitation({ invitationId: first.id }));
  const second = data(await bob.client.organization.inviteMember({ email: cid.email, role: "member" }));
  data(await ada.client.organization.cancelInvitation({ invitationId: second.id }));
  const all = data(await ada.client.organization.listInvitations());
  assert.deepEqual(all.map(({ status }) => status).sort(), ["accepted", "canceled", "rejected"]);
});

await step("organization: changed, left, deleted", async () => {
  data(await ada.client.organization.update({ data: { name: "New" } }));
  data(await bob.client.organization.setActive({ organizationId: null }));
  data(await bob.client.organization.leave({ organizationId: org.id }));
  const refusal = await ada.client.organization.leave({ organizationId: org.id });
  refused(refusal, 400, "YOU_CANNOT_LEAVE_THE_ORGANIZATION_AS_THE_ONLY_OWNER");
  assert.equal(data(await ada.client.organization.delete({ organizationId: org.id })).name, "New");
  assert.deepEqual(data(await ada.client.organization.list()), []);
});

finish();
