// Prints the names of all options of the original, as its types have them: a JSON list of dotted paths.
//
// The argument is a file of a package that has TypeScript among its modules. What holds something else than
// options (plugins, connections, columns by name, providers) is not looked into.
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const ts = createRequire(process.argv[2])("typescript");
const WHOLE = /^(database|plugins|socialProviders|logger|secondaryStorage|secrets?|databaseHooks\.\w+)$|\.(modelName|fields|expires|customizeDefaultErrorPage|customStorage|storeIdentifier)$/;
const file = fileURLToPath(new URL("node_modules/@better-auth/core/dist/types/init-options.d.mts", import.meta.url));
const options = { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, strict: true, skipLibCheck: true };
const program = ts.createProgram([file], options);
const checker = program.getTypeChecker();
const source = program.getSourceFile(file);
const declared = checker.getExportsOfModule(checker.getSymbolAtLocation(source));
const root = declared.find((symbol) => symbol.name === "BetterAuthOptions");

// The members of a union that are objects with properties of their own.
function groups(type) {
  const parts = type.isUnion() ? type.types : [type];
  return parts.filter((part) => {
    const isObject = part.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection);
    return isObject && !part.getCallSignatures().length && !checker.isArrayType(part) && !checker.isTupleType(part) && !part.getStringIndexType();
  });
}

function* names(type, within, depth) {
  for (const part of groups(type)) {
    for (const property of part.getProperties()) {
      const path = within ? `${within}.${property.name}` : property.name;
      yield path;
      if (depth < 4 && !WHOLE.test(path)) yield* names(checker.getTypeOfSymbol(property), path, depth + 1);
    }
  }
}

console.log(JSON.stringify([...new Set(names(checker.getDeclaredTypeOfSymbol(root), "", 0))].sort()));
