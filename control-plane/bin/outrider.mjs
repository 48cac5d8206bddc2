#!/usr/bin/env node
// The `outrider` command: whatever Node starts this, main.ts runs under one that is new enough, with its dependencies installed.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch } from './launch.mjs';

const here = fileURLToPath(import.meta.url);
const argv = process.argv.slice(2);
await launch(here, argv, path.join(path.dirname(here), 'main.ts'), argv);
