/** A name and the word of a header that stands for it; matched whole, without regard to case. */
export type Named = readonly [token: string, name: string];

const same = (...names: string[]): Named[] => names.map((name) => [name, name]);

/** Crawlers, previews of links, monitors and driven browsers. */
export const bots: readonly Named[] = [
  ["AdsBot-Google-Mobile", "AdsBot-Google"],
  ["Googlebot-Image", "Googlebot"],
  ["Googlebot-News", "Googlebot"],
  ["Googlebot-Video", "Googlebot"],
  ["Slackbot-LinkExpanding", "Slackbot"],
  ["Slack-ImgProxy", "Slackbot"],
  ...same("Googlebot", "AdsBot-Google", "Mediapartners-Google", "Google-InspectionTool", "GoogleOther"),
  ...same("APIs-Google", "Google-Extended", "Google-Read-Aloud", "Storebot-Google", "FeedFetcher-Google"),
  ...same("adidxbot", "bingbot", "BingPreview", "msnbot", "DuckDuckBot", "DuckAssistBot", "YandexBot"),
  ...same("YandexImages", "Baiduspider", "Applebot", "PetalBot", "Bytespider", "Sogou", "SeznamBot", "Yeti"),
  ...same("GPTBot", "ChatGPT-User", "OAI-SearchBot", "ClaudeBot", "Claude-User", "Claude-SearchBot"),
  ...same("anthropic-ai", "PerplexityBot", "Perplexity-User", "CCBot", "Amazonbot", "MistralAI-User"),
  ...same("cohere-ai", "YouBot", "Diffbot", "ImagesiftBot", "meta-externalagent", "meta-externalfetcher"),
  ...same("facebookexternalhit", "facebookcatalog", "Twitterbot", "LinkedInBot", "Slackbot", "Discordbot"),
  ...same(
    "TelegramBot",
    "Pinterestbot",
    "SkypeUriPreview",
    "redditbot",
    "Embedly",
    "vkShare",
    "Snap URL Preview",
  ),
  ...same("AhrefsBot", "SemrushBot", "MJ12bot", "DotBot", "DataForSeoBot", "BLEXBot", "SiteAuditBot"),
  ...same(
    "ia_archiver",
    "archive.org_bot",
    "Slurp",
    "HeadlessChrome",
    "PhantomJS",
    "Puppeteer",
    "Playwright",
  ),
  ...same("Selenium", "Lighthouse", "Chrome-Lighthouse", "UptimeRobot", "Pingdom", "StatusCake", "Datadog"),
  ...same("GomezAgent", "RuxitSynthetic"),
  ...same(
    "GTmetrix",
    "Site24x7",
    "Scrapy",
    "Nutch",
    "heritrix",
    "Screaming Frog SEO Spider",
    "W3C_Validator",
  ),
  ...same("NetcraftSurveyAgent", "CensysInspect", "Expanse", "zgrab", "masscan", "Nmap", "Nikto", "sqlmap"),
];

/** Tools and libraries that programs are written with. */
export const tools: readonly Named[] = [
  ...same(
    "curl",
    "Wget",
    "HTTPie",
    "PostmanRuntime",
    "insomnia",
    "Bruno",
    "k6",
    "hey",
    "ApacheBench",
    "JMeter",
  ),
  ...same("python-requests", "python-httpx", "aiohttp", "Python-urllib", "Python", "httplib2", "urllib3"),
  ...same("axios", "node-fetch", "undici", "superagent", "got", "node", "Deno", "Bun", "Hono", "ky"),
  ...same("Go-http-client", "Java", "Java-http-client", "Apache-HttpClient", "Apache-CXF", "Jersey", "Jetty"),
  ...same(
    "Ruby",
    "Faraday",
    "rest-client",
    "GuzzleHttp",
    "PHP",
    "Symfony",
    "libwww-perl",
    "LWP",
    "RestSharp",
  ),
  ...same("reqwest", "hyper", "ureq", "WinHttp", "PowerShell", "WindowsPowerShell", "Elixir", "Tesla-Elixir"),
];

/** HTTP stacks of phone apps that are not browsers: a person is likely behind one. */
export const appStacks: readonly Named[] = [
  ...same("Expo", "okhttp", "CFNetwork", "Dalvik", "Dart", "Alamofire", "Ktor", "UnityPlayer", "NSPlayer"),
];
