// What an Expo app has and Node.js does not, as module hooks: `register()` before the client's
// import. The browser is `globalThis.openAuthSession`.
import { register } from "node:module";

const modules = {
  "expo-constants": `export default { expoConfig: { scheme: "myapp" }, platform: {} };`,
  "expo-linking": `export const createURL = (path, options) =>
    (options?.scheme ?? "myapp") + "://" + path.replace(/^\\//, "");`,
  "react-native": `export const AppState = { addEventListener: () => ({ remove() {} }) };
    export const Platform = { OS: "ios" };`,
  "expo-web-browser": `export const openAuthSessionAsync = (...given) =>
    globalThis.openAuthSession(...given);`,
  "expo-network": `export const addNetworkStateListener = () => ({ remove() {} });`,
};

const hooks = `
  const modules = ${JSON.stringify(modules)};
  export async function resolve(name, context, next) {
    if (!(name in modules)) return next(name, context);
    const source = encodeURIComponent(modules[name]);
    return { url: "data:text/javascript," + source, shortCircuit: true };
  }`;

export function pretendToBeAPhone() {
  register("data:text/javascript," + encodeURIComponent(hooks));
}
