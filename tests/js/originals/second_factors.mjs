// Second factors and passkeys without options, as BETTER_AUTH_PLUGINS turns them on with ours.
import { passkey } from "@better-auth/passkey";
import { twoFactor } from "better-auth/plugins";

export default () => ({ appName: "Taskward", plugins: [twoFactor(), passkey()] });
