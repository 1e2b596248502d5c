// Prints the sizes of files by brotli at its best as a JSON list.

import { readFileSync } from "node:fs";
import { brotliCompressSync } from "node:zlib";

const sizes = process.argv.slice(2).map((path) => brotliCompressSync(readFileSync(path)).length);
console.log(JSON.stringify(sizes));
