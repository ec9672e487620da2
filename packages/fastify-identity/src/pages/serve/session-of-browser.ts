import type { ActiveSession } from "@org/db-models";
import { admitSession } from "../../http/guards/impersonated.js";
import type { Page } from "../page.js";

/** The session of the browser, on a page that everybody may see. */
export async function sessionOfBrowser({ site, request }: Page): Promise<ActiveSession | undefined> {
  const { service } = site;
  const token = service.cookies.readSession(request.headers.cookie);
  if (!token) return undefined;
  const check = await service.identity.sessions.validate(token, { touch: false });
  if (!check.ok || !(await admitSession(service, request, check.session, "cookie"))) return undefined;
  return check.session;
}
