import type { PageFrame } from "../../../pages/look/frame.js";
import type { MessageId } from "../../../pages/messages/english.js";
import type { Permission } from "../../permissions.js";

/** A section of the admin area, in the navigation. */
export interface Section {
  readonly path: string;
  readonly label: MessageId;
  readonly permission: Permission;
}

/** What every page of the admin area needs besides its own view. */
export interface AdminFrame extends PageFrame {
  readonly admin: {
    /** Address of a page, by its path below the prefix of the admin area. */
    link(path: string, query?: Readonly<Record<string, string | undefined>>): string;
    may(permission: Permission): boolean;
    readonly sections: readonly Section[];
    /** Whether administrators may act for users. */
    readonly impersonation: boolean;
  };
}
