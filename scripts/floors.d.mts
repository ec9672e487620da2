/** By package or app: the workspaces that its sources may import. */
export declare const allowedImports: Readonly<Record<string, readonly string[]>>;
/** By package: its rooms, floor by floor, from the top down; "" stands for the files of `src` itself. */
export declare const floors: Readonly<Record<string, readonly (readonly string[])[]>>;
/** The room of a source file: the first folder below `src`. */
export declare function roomOf(path: string): string;
