import type { Options } from "tsup";

export declare function onePerSource(options: { entry: string[]; inlined?: string[] }): Options;
