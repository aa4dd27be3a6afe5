// Fails when the official AsyncAPI parser finds anything wrong with a document, warnings included.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const path = process.argv[2];
const diagnostics = await new Parser().validate(readFileSync(path, "utf8"), { source: path });
const told = diagnostics.filter(({ severity }) => severity <= 1); // errors and warnings
for (const { code, message, path: where } of told) {
  console.error(`${path}: ${where.join(".")}: ${message} (${code})`);
}
process.exit(told.length ? 1 : 0);
