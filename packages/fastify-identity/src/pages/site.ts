import { PageCookies } from "../http/page-cookies.js";
import type { Service } from "../service.js";
import { themeCss } from "./look/theme.js";
import type { PageSettings } from "./options.js";
import type { ProviderView } from "./views.js";

/** The pages of one plugin: what is the same for every request. */
export interface Site {
  readonly service: Service;
  readonly settings: PageSettings;
  /** Path before the pages, that of the surrounding app included. */
  readonly prefix: string;
  /** Path before the pages of the admin area, likewise. */
  readonly adminPrefix: string;
  readonly cookies: PageCookies;
  readonly name: string;
  readonly variables: string;
  /** The origin of the logo, where it is another one. */
  readonly logoOrigin: string | undefined;
  /** Whether apps can ask people for access. */
  readonly hasApps: boolean;
}

export function siteOf(service: Service, settings: PageSettings, prefix: string): Site {
  const { issuer, cookies, admin } = service.settings;
  const around = prefix.slice(0, prefix.length - settings.prefix.length);
  const { theme } = settings;
  const secure = cookies.secure ?? issuer.startsWith("https://");
  return {
    service,
    settings,
    prefix,
    adminPrefix: around + (admin ? admin.prefix : ""),
    cookies: new PageCookies(secure, cookies.session),
    name: theme.name ?? new URL(issuer).host,
    variables: themeCss(theme),
    logoOrigin: theme.logo?.startsWith("https://") ? new URL(theme.logo).origin : undefined,
    hasApps: service.settings.oauth !== false,
  };
}

/** Address of a page below the prefix; members of the query that are undefined are left out. */
export function linkTo(
  { prefix }: Pick<Site, "prefix">,
  path: string,
  query: Readonly<Record<string, string | undefined>> = {},
): string {
  const given = Object.entries(query).filter((one): one is [string, string] => one[1] !== undefined);
  const search = new URLSearchParams(given).toString();
  return `${prefix}${path}${search && `?${search}`}`;
}

/** Path of the page where a user answers an app, below the prefix. */
export const authorizePath = "/authorize";

/** Whether an address is that of the page where a user answers an app. */
export const leadsToApp = ({ prefix, hasApps }: Site, address: string | undefined): boolean =>
  hasApps && address?.startsWith(`${prefix}${authorizePath}?`) === true;

/** The providers with which people can sign in. */
export function providersOf({ service }: Site): ProviderView[] {
  return service.providers.map(({ id, name }) => ({ id, name }));
}
