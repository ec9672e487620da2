import { z } from "zod";
import { contrast, type Hex, hexPattern, mix } from "./colour.js";

/** Colours of the pages in one scheme, as `#rrggbb`. */
export interface PageColours {
  /** Behind everything. */
  readonly background?: string;
  /** Of cards and fields. */
  readonly surface?: string;
  readonly text?: string;
  /** Of links and of the main button. */
  readonly accent?: string;
}

/** Look of the pages. Every colour can be left out. */
export interface PageTheme {
  /** Name of the product, in the header, titles and mails. Default: the host of the issuer. */
  readonly name?: string;
  /** A picture before the name: a path of this host, an https address or a `data:` URL. */
  readonly logo?: string;
  readonly light?: PageColours;
  readonly dark?: PageColours;
  /** CSS `font-family`. Default: the font of the system. */
  readonly font?: string;
  /** Radius of corners, CSS pixels. Default: 8. */
  readonly radius?: number;
}

const colour = z.string().regex(hexPattern, "must be #rrggbb");

const colours = (of: { background: string; surface: string; text: string; accent: string }) =>
  z
    .strictObject({
      background: colour.default(of.background),
      surface: colour.default(of.surface),
      text: colour.default(of.text),
      accent: colour.default(of.accent),
    })
    .prefault({})
    .superRefine((chosen, context) => {
      for (const ink of ["text", "accent"] as const)
        for (const behind of ["background", "surface"] as const) {
          const ratio = contrast(chosen[ink], chosen[behind]);
          // It is no number where one of them is no colour.
          if (!(ratio < minContrast)) continue;
          const message = `has a contrast of ${ratio.toFixed(1)} with ${behind}; WCAG 2.2 asks for ${minContrast}`;
          context.addIssue({ code: "custom", path: [ink], message });
        }
    });

/** WCAG 2.2, 1.4.3. */
const minContrast = 4.5;

export const themeSchema = z.strictObject({
  name: z.string().min(1).max(80).optional(),
  logo: z
    .string()
    .max(100_000)
    .regex(
      /^(\/(?![/\\])|https:\/\/|data:image\/)[^\s"'<>\\;]*(;base64)?[^\s"'<>\\;]*$/,
      "must be a path, https or data:image",
    )
    .optional(),
  light: colours({ background: "#f6f7f9", surface: "#ffffff", text: "#16191f", accent: "#1f4fd8" }),
  dark: colours({ background: "#101318", surface: "#181c23", text: "#e8eaee", accent: "#9db7ff" }),
  font: z
    .string()
    .regex(/^[\w\s,"'-]{1,200}$/, "must be a list of font families")
    .default('system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif'),
  radius: z.int().min(0).max(24).default(8),
});

export type Theme = z.output<typeof themeSchema>;

/** The CSS variables of a theme, light and dark. */
export function themeCss({ light, dark, font, radius }: Theme): string {
  const shared = `--id-font:${font};--id-radius:${radius}px;`;
  return (
    `:root{color-scheme:light dark;${shared}${variables(light, lightTones)}}` +
    `@media (prefers-color-scheme:dark){:root{${variables(dark, darkTones)}}}`
  );
}

const lightTones = { danger: "#b3261e", success: "#12684a", warning: "#7a4b00" };
const darkTones = { danger: "#ffb4ab", success: "#7fd6ae", warning: "#f2c46d" };

function variables(colours: Theme["light"], tones: typeof lightTones): string {
  const { background, surface, text, accent } = colours;
  const all: Record<string, Hex | string> = {
    ...colours,
    ...tones,
    muted: mix(text, surface, 0.32),
    line: mix(surface, text, 0.16),
    // WCAG 2.2, 1.4.11: the border of a field has a contrast of 3.
    field: mix(surface, text, 0.5),
    hover: mix(surface, text, 0.05),
    "accent-strong": mix(accent, text, 0.25),
    "accent-soft": mix(surface, accent, 0.1),
    "danger-soft": mix(surface, tones.danger, 0.08),
    "success-soft": mix(surface, tones.success, 0.08),
    "on-accent": contrast(accent, "#ffffff") >= contrast(accent, background) ? "#ffffff" : "#0b0d12",
  };
  return Object.entries(all)
    .map(([name, value]) => `--id-${name}:${value};`)
    .join("");
}
