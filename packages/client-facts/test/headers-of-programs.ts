/**
 * Headers as their vendors document them or as public lists of them have them (uap-core, isbot, matomo/device-detector):
 * one a line, `type | system | browser or program | header`, so that each word of the vocabulary is met at least once.
 */
export const headersOfPrograms = parse(`
mobile | iOS | Threads | Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Barcelona 340.0.3.27.84 (iPhone15,3; iOS 17_5_1; en_US; en; scale=3.00; 1290x2796; 621136193)
mobile | iOS | Messenger | Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [FBAN/MessengerForiOS;FBAV/465.0.0.41.108;FBBV/612345678;FBDV/iPhone15,2;FBSN/iOS;FBSV/17.5]
mobile | Android | Messenger | Mozilla/5.0 (Linux; Android 14; SM-A546B Build/UP1A.231005.007; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.6478.71 Mobile Safari/537.36 [FB_IAB/MESSENGER;FBAV/461.0.0.46.85;]
mobile | Android | Facebook | Mozilla/5.0 (Linux; Android 13; SM-A135F Build/TP1A.220624.014; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.6478.71 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/471.0.0.43.109;]
mobile | iOS | TikTok | Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 TikTok 32.5.0 rv:325018 (iPhone; iOS 16.6; en_US) Cronet
mobile | Android | TikTok | Mozilla/5.0 (Linux; Android 12; SM-G991B; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/111.0.5563.116 Mobile Safari/537.36 trill_2023005030 JsSdk/1.0 NetType/WIFI
mobile | iOS | TikTok | Mozilla/5.0 (iPhone; CPU iPhone OS 15_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 JsSdk/2.0 BytedanceWebview/d8a21c6
mobile | iOS | Douyin | Mozilla/5.0 (iPhone; CPU iPhone OS 16_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 aweme_23.2.0 JsSdk/2.0 NetType/WIFI Channel/App Store
desktop | Windows | WeCom | Mozilla/5.0 (Windows NT 10.0; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/108.0.0.0 Safari/537.36 wxwork/4.1.16 (MicroMessenger/6.2) WindowsWechat
mobile | iOS | Pinterest | Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile [Pinterest/iOS]
tablet | Android | Pinterest | Pinterest for Android Tablet/11.20.0 (SM-T510; 11)
mobile | iOS | X | Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/21E219 Twitter for iPhone/10.30
tablet | Android | X | TwitterAndroid/10.30.0 (30300000-r-0) SM-T510/11 (samsung)
mobile | iOS | Reddit | Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Reddit/Version 2024.17.0/Build 614581/iOS Version 17.4
mobile | Android | Telegram | Mozilla/5.0 (Linux; Android 13; 22101316G Build/TP1A.220624.014; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.6478.122 Mobile Safari/537.36 Telegram-Android/10.14.5 (Xiaomi 22101316G; Android 13; SDK 33; HIGH)
mobile | iOS | Viber | Mozilla/5.0 (iPhone; CPU iPhone OS 16_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Viber/20.4.0
mobile | iOS | Alipay | Mozilla/5.0 (iPhone; CPU iPhone OS 16_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/20D47 NetType/WIFI Language/zh-Hans AlipayClient/10.3.96.8000
mobile | Android | DingTalk | Mozilla/5.0 (Linux; Android 12; M2012K11AC Build/SKQ1.211006.001; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/100.0.4896.127 Mobile Safari/537.36 DingTalk/7.0.20 com.alibaba.android.rimet/28955467
mobile | iOS | Weibo | Mozilla/5.0 (iPhone; CPU iPhone OS 16_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Weibo (iPhone14,5__weibo__13.1.0__iphone__os16.2)
mobile | Android | Baidu | Mozilla/5.0 (Linux; Android 12; LIO-AL00 Build/HUAWEILIO-AL00; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/97.0.4692.98 Mobile Safari/537.36 T7/13.34 baiduboxapp/13.34.5.10 (Baidu; P1 12)
mobile | iOS | Google app | Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) GSA/322.0.642886122 Mobile/15E148 Safari/604.1
mobile | iOS | DuckDuckGo | Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1 Ddg/17.5
mobile | Android | DuckDuckGo | Mozilla/5.0 (Linux; Android 12) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/103.0.5060.129 Mobile DuckDuckGo/5 Safari/537.36
desktop | macOS | Slack | Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Slack_SSB/4.38.125
desktop | Windows | Microsoft Teams | Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Teams/1.6.00.4472 Chrome/98.0.4758.141 Electron/17.4.2 Safari/537.36
desktop | Linux | Electron app | Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Obsidian/1.6.5 Chrome/124.0.6367.243 Electron/30.1.2 Safari/537.36
mobile | Android | QQ Browser | Mozilla/5.0 (Linux; U; Android 11; zh-cn; M2102J2SC Build/RKQ1.200826.002) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/89.0.4389.72 MQQBrowser/12.1 Mobile Safari/537.36
desktop | Windows | QQ Browser | Mozilla/5.0 (Windows NT 10.0; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/94.0.4606.71 Safari/537.36 Core/1.94.225.400 QQBrowser/12.2.5544.400
desktop | Windows | UCBrowser | Mozilla/5.0 (Windows NT 6.3; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/50.0.2661.102 UBrowser/6.1.2107.204 Safari/537.36
mobile | Android | HeyTap Browser | Mozilla/5.0 (Linux; U; Android 12; en-gb; CPH2211 Build/SP1A.210812.016) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/90.0.4430.61 Mobile Safari/537.36 HeyTapBrowser/45.8.5.1
mobile | Android | vivo Browser | Mozilla/5.0 (Linux; Android 12; V2055A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/87.0.4280.141 Mobile Safari/537.36 VivoBrowser/14.5.10.3
unknown | Linux | Tesla | Mozilla/5.0 (X11; Linux) AppleWebKit/534.34 (KHTML, like Gecko) QtCarBrowser Safari/534.34
mobile | Android | Yandex Browser | Mozilla/5.0 (Linux; Android 13; 2201117TG; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/116.0.0.0 Mobile Safari/537.36 YaSearchBrowser/23.80
mobile | iOS | Brave | Mozilla/5.0 (iPhone; CPU iPhone OS 14_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Brave/1.23 Mobile/15E148 Safari/605.1.15
mobile | iOS | Ecosia | Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/605.1.15 (Ecosia ios@9.0.1.1542)
tablet | Android | Puffin | Mozilla/5.0 (X11; U; Android 11; en-US; SM-T510) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/111.0.0.0 Safari/537.36 Puffin/9.9.1.51541AT
desktop | Windows | Maxthon | Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Maxthon/6.2.0.1000 Chrome/98.0.4758.139 Safari/537.36
desktop | Windows | Coc Coc | Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) coc_coc_browser/103.0.190 Chrome/97.0.4692.190 Safari/537.36
mobile | Android | Edge | Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36 EdgA/131.0.0.0
mobile | iOS | Opera Mini | Mozilla/5.0 (iPhone; CPU iPhone OS 9_3 like Mac OS X) AppleWebKit/601.1.46 (KHTML, like Gecko) OPiOS/16.0.15.124050 Mobile/13E233 Safari/9537.53
mobile | iOS | Opera GX | Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Mobile/15E148 Safari/604.1 OPX/2.2.5
mobile | iOS | Opera | Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1 OPT/4.8.0
desktop | Windows | Opera | Opera/9.80 (Windows NT 6.1; WOW64) Presto/2.12.388 Version/12.18
desktop | Linux | SeaMonkey | Mozilla/5.0 (X11; Linux x86_64; rv:91.0) Gecko/20100101 Firefox/91.0 SeaMonkey/2.53.17
desktop | Windows | SeaMonkey | Mozilla/5.0 (Windows; U; Windows NT 5.1; en-US; rv:1.8.1.13) Gecko/20080313 Seamonkey/1.1.9
desktop | Windows | Pale Moon | Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:102.0) Goanna/6.5 Firefox/102.0 PaleMoon/32.4.0
desktop | macOS | Waterfox | Mozilla/5.0 (Macintosh; Intel Mac OS X 10.13; rv:56.3) Gecko/20100101 Waterfox/56.3
desktop | Linux | LibreWolf | Mozilla/5.0 (X11; Linux x86_64; rv:91.0) Gecko/20100101 Firefox/91.0 LibreWolf/91.0
mobile | Android | Firefox Focus | Mozilla/5.0 (Linux; Android 7.0) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Klar/1.0 Chrome/58.0.3029.83 Mobile Safari/537.36
mobile | iOS | Firefox Focus | Mozilla/5.0 (iPhone; CPU iPhone OS 12_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Focus/7.0.4 Mobile/16B91
desktop | Linux | Konqueror | Mozilla/5.0 (X11; Linux) KHTML/4.13.3 (like Gecko) Konqueror/4.13
desktop | Linux | Falkon | Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Falkon/3.2.0 Chrome/87.0.4280.144 Safari/537.36
desktop | Windows | IE | Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1)
desktop | Ubuntu | Chromium | Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Ubuntu Chromium/80.0.3987.87 Chrome/80.0.3987.87 Safari/537.36
desktop | Debian | Firefox | Mozilla/5.0 (X11; Debian; Linux x86_64; rv:78.0) Gecko/20100101 Firefox/78.0
desktop | OpenBSD | Firefox | Mozilla/5.0 (X11; OpenBSD amd64; rv:109.0) Gecko/20100101 Firefox/115.0
desktop | NetBSD | Firefox | Mozilla/5.0 (X11; NetBSD amd64; rv:102.0) Gecko/20100101 Firefox/102.0
console | PlayStation | - | Mozilla/5.0 (PLAYSTATION 3 4.90) AppleWebKit/531.22.8 (KHTML, like Gecko)
tv | webOS | Chrome | Mozilla/5.0 (webOS/3.0; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/38.0.2125.122 Safari/537.36 WebAppManager
tv | tvOS | - | Apple TV/tvOS 17.5
mobile | iOS | Safari | Mozilla/5.0 (iPod touch; CPU iPhone OS 12_5_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.1.2 Mobile/15E148 Safari/604.1
mobile | iOS | - | Mozilla/5.0 (iPod; U; iOS 4_3; en-us) AppleWebKit/533.17.9 (KHTML, like Gecko) Mobile/8F190
mobile | Symbian | - | Mozilla/5.0 (SymbianOS/9.4; NokiaN97) AppleWebKit/525 (KHTML, like Gecko) BrowserNG/7.1
mobile | Symbian | - | Nokia5700/1.0 (4.22.0) Series60/3.1 Nokia5700XpressMusic Profile/MIDP-2.0 Configuration/CLDC-1.1
mobile | BlackBerry | - | BlackBerry9700/5.0.0.862 Profile/MIDP-2.1 Configuration/CLDC-1.1 VendorID/331
mobile | Sailfish OS | Firefox | Mozilla/5.0 (Mobile; Sailfish 4.5; rv:91.0) Gecko/91.0 Firefox/91.0
bot | - | AdsBot-Google | Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36 (compatible; AdsBot-Google-Mobile; +http://www.google.com/mobile/adsbot.html)
bot | - | AdsBot-Google | AdsBot-Google (+http://www.google.com/adsbot.html)
bot | - | Googlebot | Googlebot-Image/1.0
bot | - | Googlebot | Googlebot-News
bot | - | Googlebot | Googlebot-Video/1.0
bot | - | Mediapartners-Google | Mediapartners-Google
bot | - | Google-InspectionTool | Mozilla/5.0 (compatible; Google-InspectionTool/1.0;)
bot | - | GoogleOther | GoogleOther
bot | - | APIs-Google | APIs-Google (+https://developers.google.com/webmasters/APIs-Google.html)
bot | - | Google-Extended | Google-Extended
bot | - | Google-Read-Aloud | Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Safari/537.36 (compatible; Google-Read-Aloud; +https://support.google.com/webmasters/answer/1061943)
bot | - | Storebot-Google | Mozilla/5.0 (X11; Linux x86_64; Storebot-Google/1.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/79.0.3945.88 Safari/537.36 (compatible; Storebot-Google/1.0)
bot | - | FeedFetcher-Google | FeedFetcher-Google; (+http://www.google.com/feedfetcher.html)
bot | - | Slackbot | Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)
bot | - | Slackbot | Slack-ImgProxy (+https://api.slack.com/robots)
bot | - | Slackbot | Slackbot 1.0 (+https://api.slack.com/robots)
bot | - | BingPreview | Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/534+ (KHTML, like Gecko) BingPreview/1.0b
bot | - | adidxbot | Mozilla/5.0 (compatible; adidxbot/2.0; +http://www.bing.com/bingbot.htm)
bot | - | msnbot | msnbot/2.0b (+http://search.msn.com/msnbot.htm)
bot | - | DuckDuckBot | DuckDuckBot/1.1; (+http://duckduckgo.com/duckduckbot.html)
bot | - | DuckAssistBot | DuckAssistBot/1.2; (+http://duckduckgo.com/duckassistbot.html)
bot | - | YandexImages | Mozilla/5.0 (compatible; YandexImages/3.0; +http://yandex.com/bots)
bot | - | Baiduspider | Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)
bot | - | Applebot | Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.1.1 Safari/605.1.15 (Applebot/0.1; +http://www.apple.com/go/applebot)
bot | - | PetalBot | Mozilla/5.0 (compatible;PetalBot;+https://webmaster.petalsearch.com/site/petalbot)
bot | - | Sogou | Sogou web spider/4.0(+http://www.sogou.com/docs/help/webmasters.htm#07)
bot | - | SeznamBot | Mozilla/5.0 (compatible; SeznamBot/4.0; +http://napoveda.seznam.cz/seznambot-intro/)
bot | - | Yeti | Mozilla/5.0 (compatible; Yeti/1.1; +https://naver.me/spd)
bot | - | ChatGPT-User | Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; ChatGPT-User/1.0; +https://openai.com/bot
bot | - | OAI-SearchBot | OAI-SearchBot/1.0; +https://openai.com/searchbot
bot | - | GomezAgent | Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.36 (KHTML, like Gecko; GomezAgent/3.0) Chrome/47.0.2526.73 Safari/537.36
bot | - | GomezAgent | Mozilla/5.0 (Windows; U; Windows NT 6.1; en-US; rv:1.9.2.13; GomezAgent 2.0) Gecko/20101203 Firefox/3.6.13
bot | - | RuxitSynthetic | Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 RuxitSynthetic/1.0 v6886653584872488035 t8141814394349842256 ath1fb31b7a altpriv cvcv=2 smf=0
bot | - | Claude-User | Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Claude-User/1.0; +Claude-User@anthropic.com)
bot | - | Claude-SearchBot | Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Claude-SearchBot/1.0; +searchbot@anthropic.com)
bot | - | anthropic-ai | anthropic-ai/1.0
bot | - | PerplexityBot | Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; PerplexityBot/1.0; +https://perplexity.ai/perplexitybot)
bot | - | Perplexity-User | Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Perplexity-User/1.0; +https://perplexity.ai/perplexity-user)
bot | - | CCBot | CCBot/2.0 (https://commoncrawl.org/faq/)
bot | - | Amazonbot | Mozilla/5.0 (Macintosh; Intel Mac OS X 10_10_1) AppleWebKit/600.2.5 (KHTML, like Gecko) Version/8.0.2 Safari/600.2.5 (Amazonbot/0.1; +https://developer.amazon.com/support/amazonbot)
bot | - | MistralAI-User | Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; MistralAI-User/1.0; +https://docs.mistral.ai/robots)
bot | - | cohere-ai | cohere-ai
bot | - | YouBot | Mozilla/5.0 (compatible; YouBot/1.0; +https://about.you.com/youbot)
bot | - | Diffbot | Mozilla/5.0 (Windows; U; Windows NT 5.1; en-US; rv:1.9.1.2) Gecko/20090729 Firefox/3.5.2 Diffbot/0.1 (http://www.diffbot.com)
bot | - | ImagesiftBot | Mozilla/5.0 (compatible; ImagesiftBot; +imagesift.com)
bot | - | meta-externalagent | meta-externalagent/1.1 (+https://developers.facebook.com/docs/sharing/webmasters/crawler)
bot | - | meta-externalfetcher | meta-externalfetcher/1.1 (+https://developers.facebook.com/docs/sharing/webmasters/crawler)
bot | - | facebookcatalog | facebookcatalog/1.0
bot | - | Twitterbot | Twitterbot/1.0
bot | - | LinkedInBot | LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)
bot | - | Discordbot | Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)
bot | - | TelegramBot | TelegramBot (like TwitterBot)
bot | - | Pinterestbot | Mozilla/5.0 (compatible; Pinterestbot/1.0; +https://www.pinterest.com/bot.html)
bot | - | SkypeUriPreview | Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5
bot | - | redditbot | Mozilla/5.0 (compatible; redditbot/1.0; +http://www.reddit.com/feedback)
bot | - | Embedly | Mozilla/5.0 (compatible; Embedly/0.2; +http://support.embed.ly/)
bot | - | vkShare | Mozilla/5.0 (compatible; vkShare; +http://vk.com/dev/Share)
bot | - | Snap URL Preview | Mozilla/5.0 (compatible; Snap URL Preview Service; bot; snapchat; https://developers.snap.com/robots)
bot | - | MJ12bot | Mozilla/5.0 (compatible; MJ12bot/v1.4.8; http://mj12bot.com/)
bot | - | DotBot | Mozilla/5.0 (compatible; DotBot/1.2; +https://opensiteexplorer.org/dotbot; help@moz.com)
bot | - | DataForSeoBot | Mozilla/5.0 (compatible; DataForSeoBot/1.0; +https://dataforseo.com/dataforseo-bot)
bot | - | BLEXBot | Mozilla/5.0 (compatible; BLEXBot/1.0; +http://webmeup-crawler.com/)
bot | - | SiteAuditBot | Mozilla/5.0 (compatible; SiteAuditBot/0.97; +http://www.semrush.com/bot.html)
bot | - | ia_archiver | ia_archiver (+http://www.alexa.com/site/help/webmasters; crawler@alexa.com)
bot | - | archive.org_bot | Mozilla/5.0 (compatible; archive.org_bot +http://archive.org/details/archive.org_bot)
bot | - | Slurp | Mozilla/5.0 (compatible; Yahoo! Slurp; http://help.yahoo.com/help/us/ysearch/slurp)
bot | - | PhantomJS | Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 (KHTML, like Gecko) PhantomJS/2.1.1 Safari/538.1
bot | - | Puppeteer | Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.0.0 Safari/537.36 Puppeteer
bot | - | Playwright | Playwright/1.48.0 (x64; ubuntu 22.04) node/20.18
bot | - | Selenium | selenium/4.10.0 (python linux)
bot | - | Lighthouse | Mozilla/5.0 (Linux; Android 11; moto g power (2022)) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Mobile Safari/537.36 Lighthouse
bot | - | Chrome-Lighthouse | Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/98.0.4695.0 Safari/537.36 Chrome-Lighthouse
bot | - | Pingdom | Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)
bot | - | StatusCake | Mozilla/5.0 (Windows NT 6.2; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/98.0.4758.80 Safari/537.36 StatusCake
bot | - | Datadog | Datadog/Synthetics
bot | - | GTmetrix | Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/117.0.0.0 Safari/537.36 GTmetrix
bot | - | Site24x7 | Site24x7
bot | - | Scrapy | Scrapy/2.11.0 (+https://scrapy.org)
bot | - | Nutch | Nutch/2.3 (http://nutch.apache.org/)
bot | - | heritrix | Mozilla/5.0 (compatible; heritrix/3.4.0 +http://example.org)
bot | - | Screaming Frog SEO Spider | Screaming Frog SEO Spider/19.4
bot | - | W3C_Validator | W3C_Validator/1.3 http://validator.w3.org/services
bot | - | NetcraftSurveyAgent | Mozilla/5.0 (compatible; NetcraftSurveyAgent/1.0; +info@netcraft.com)
bot | - | CensysInspect | Mozilla/5.0 (compatible; CensysInspect/1.1; +https://about.censys.io/)
bot | - | Expanse | Expanse, a Palo Alto Networks company, searches across the global IPv4 space
bot | - | zgrab | Mozilla/5.0 zgrab/0.x
bot | - | masscan | masscan/1.3 (https://github.com/robertdavidgraham/masscan)
bot | - | Nmap | Mozilla/5.0 (compatible; Nmap Scripting Engine; https://nmap.org/book/nse.html)
bot | - | Nikto | Mozilla/5.00 (Nikto/2.1.6) (Evasions:None) (Test:Port Check)
bot | - | sqlmap | sqlmap/1.7.2#stable (https://sqlmap.org)
client | - | insomnia | insomnia/9.3.2
client | - | Bruno | Bruno/1.20.0
client | - | k6 | k6/0.49.0 (https://k6.io/)
client | - | hey | hey/0.0.1
client | - | ApacheBench | ApacheBench/2.3
client | - | JMeter | JMeter/5.6
client | - | Python-urllib | Python-urllib/3.12
client | - | Python | Python/3.11 websockets/12.0
client | - | httplib2 | httplib2/0.22.0
client | - | urllib3 | urllib3/2.2.1
client | - | node-fetch | node-fetch/1.0 (+https://github.com/bitinn/node-fetch)
client | - | undici | undici
client | - | superagent | superagent/9.0.2
client | - | got | got (https://github.com/sindresorhus/got)
client | - | Hono | Hono/4.4
client | - | ky | ky/1.4.0
client | - | Apache-CXF | Apache-CXF/3.5.5
client | - | Jersey | Jersey/3.1.3 (HttpUrlConnection 17.0.9)
client | - | Jetty | Jetty/11.0.15
client | - | Faraday | Faraday v2.9.0
client | - | rest-client | rest-client/2.1.0 (linux x86_64) ruby/3.2.2p53
client | - | PHP | PHP/8.2.12
client | - | libwww-perl | libwww-perl/6.72
client | - | LWP | LWP::Simple/6.72 libwww
client | - | RestSharp | RestSharp/110.2.0.0
client | - | reqwest | reqwest/0.12.4
client | - | hyper | hyper/0.14
client | - | ureq | ureq/2.9.7
client | - | WinHttp | Mozilla/4.0 (compatible; Win32; WinHttp.WinHttpRequest.5)
client | - | Elixir | Elixir/1.16
client | - | Tesla-Elixir | Tesla-Elixir/1.8
client | - | Symfony | Symfony HttpClient/Curl
client | - | Alamofire | Example/1.0 (com.example.app; build:1; iOS 17.5.0) Alamofire/5.9.1
client | - | UnityPlayer | UnityPlayer/2022.3.20f1 (UnityWebRequest/1.0, libcurl/8.4.0-DEV)
client | - | Expo | Expo/1017699 CFNetwork/1496.0.7 Darwin/23.5.0
client | - | NSPlayer | NSPlayer/12.00.26100.1150 WMFSDK/12.00
bot | - | - | Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/92.0.4515.107 Safari/537.36 (compatible; +https://developers.cloudflare.com/security-center/)
bot | - | - | Mozilla/5.0 (iPhone; CPU iPhone OS 11_0 like Mac OS X) AppleWebKit/604.1.38 (KHTML, like Gecko) Version/11.0 Mobile/15A372 Safari/604.1 (compatible; woorankreview/2.0; +https://www.woorank.com/)
bot | - | Applebot | Mozilla/5.0 (Macintosh; Intel Mac OS X 10_10_1) AppleWebKit/600.2.5 (KHTML, like Gecko) Version/8.0.2 Safari/600.2.5 (Applebot/0.1)
bot | - | StatusCake | Mozilla/5.0 (Windows NT 6.2; WOW64) AppleWebKit/537.4 (KHTML, like Gecko) Chrome/98 Safari/537.4 (StatusCake)
bot | - | - | Mozilla/5.0 (Linux; Android 4.0.4; Galaxy Nexus Build/IMM76B) AppleWebKit/537.36 (KHTML, like Gecko; Google-Publisher-Plugin) Chrome/27.0.1453 Mobile Safari/537.36
bot | - | - | Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/41.0.2272.96 Mobile Safari/537.36 (compatible; Google-AMPHTML)
bot | - | - | Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/49.0.2623.75 Safari/537.36 Google Favicon
bot | - | - | Mozilla/5.0 (Windows NT 6.1; rv:6.0) Gecko/20110814 Firefox/6.0 Google (+https://developers.google.com/+/web/snippet/)
bot | - | - | coccocbot-web/1.0 (+http://help.coccoc.com/searchengine)
bot | - | - | 360Spider-Image
bot | - | - | Mozilla/5.0 (compatible; OhDear/1.1; +https://ohdear.app/checker; mixedContent)
bot | - | - | Mozilla/5.0 (compatible; InternetMeasurement/1.0; +https://internet-measurement.com/)
bot | - | - | Mozilla/5.0 (compatible; SecurityScanner/1.0)
mobile | Android | Android WebView | Mozilla/5.0 (Linux; Android 5.1; THOR S Build/LMY47I) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/39.0.0.0 Mobile Safari/537.36
mobile | Android | Chrome | Mozilla/5.0 (Linux; Android 10; moto g(7) optimo maxx(XT1955DL)) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/98.0.4758.101 Mobile Safari/537.36
desktop | Windows | Chromium | Mozilla/5.0 (Windows NT 6.1) AppleWebKit/537.36 (KHTML, like Gecko) Iron/26.0.1450.0 Chrome/26.0.1450.0 Safari/537.36
desktop | Linux | Chromium | Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) QtWebEngine/5.15.2 Chrome/87.0.4280.144 Safari/537.36
desktop | Windows | IE | Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0; BIDUBrowser 2.6)
desktop | Windows | Chromium | Mozilla/5.0 (Windows NT 5.1) AppleWebKit/537.31 (KHTML, like Gecko) Chrome/26.0.1410.43 BIDUBrowser/2.x Safari/537.31
mobile | Android | Quark | Mozilla/5.0 (Linux; U; Android 10; zh-CN; CDY-AN95 Build/HUAWEICDY-AN95) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/78.0.3904.108 Quark/4.8.6.175 Mobile Safari/537.36
mobile | Android | Phoenix | Mozilla/5.0 (Linux; U; Android 8.1.0; en-us; itel A52S Lite Build/O11019) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/70.0.3538.110 Mobile Safari/537.36 PHX/8.1
mobile | Android | Aloha | Mozilla/5.0 (Linux; Android 6.0; BLU Vivo 5 Mini Build/NMF26F) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/63.0.3239.111 Mobile Safari/537.36 AlohaBrowser/1.4
mobile | Android | Meizu Browser | Mozilla/5.0 (Linux; U; Android 6.0; zh-CN; MZ-M1 E Build/MRA58K) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/73.0.3683.121 MZBrowser/8.20.1 Mobile Safari/537.36
mobile | Android | Maxthon | Mozilla/5.0 (Linux; Android 5.1; Fondi-D66) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/43.0.2357.121 Mobile Safari/537.36 MxBrowser/4.5.5.2000
mobile | Android | Yandex app | Mozilla/5.0 (Linux; arm_64; Android 15; BV4800 SE) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.6261.2435 BroPP/1.0 YaSearchApp/24.40.1 SA/3 Mobile Safari/537.36
wearable | Horizon OS | Meta Quest Browser | Mozilla/5.0 (Linux; Android 7.1.1; Quest) AppleWebKit/537.36 (KHTML, like Gecko) OculusBrowser/10.16.0.0.0.296461555 SamsungBrowser/4.0 Chrome/91.0.4472.88 Mobile VR Safari/537.36
wearable | PICO OS | PICO Browser | Mozilla/5.0 (X11; Linux x86_64; PICO 4 OS5.8.2 like Quest) AppleWebKit/537.36 (KHTML, like Gecko) PicoBrowser/3.3.38 Chrome/105.0.5195.68 VR Safari/537.36
mobile | KaiOS | Firefox | Mozilla/5.0 (Mobile; ALCATEL4044T; rv:37.0) Gecko/37.0 Firefox/37.0 KaiOS/1.0
tv | Linux | Opera | Mozilla/5.0 (Linux; Andr0id 11; TY55_1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.6099.56 Safari/537.36 OMI/4.24.3.23.StableAVB_Telly.1
tv | Linux | Opera | Opera/9.80 (Linux armv6l; Opera TV Store/4563; U; SonyCEBrowser/1.0 (BDPlayer; BDP-S1700; BDP2016/M36.D.0020; XAE; ); en) Presto/2.10.250 Version/11.60
tv | Linux | Chromium | Mozilla/5.0 (Linux;) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/47.0.2526.106 Safari/537.36 SRAF/4.0 (; SERAPHIC; SERAPHIC; v4.0; v1.0; ); CE-HTML/1.0 hbbtv/1.2.1
mobile | Android | Chrome | Mozilla/5.0 (Linux; Android 4.4.2; KAZAM TV 45) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/79.0.3945.116 Mobile Safari/537.36
mobile | Android | Chrome | Mozilla/5.0 (Linux; Android 6.0; VR BOT 552) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/72.0.3626.121 Mobile Safari/537.36
mobile | Android | Chrome | Mozilla/5.0 (Linux; Android 4.4.2; QUMO Quest 507) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/74.0.3729.157 Mobile Safari/537.36
unknown | Fuchsia | Chrome | Mozilla/5.0 (Fuchsia) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/108.0.0.0 Safari/537.36 CrKey/1.56.500000 DeviceType/SmartSpeaker
unknown | macOS | - | AppleCoreMedia/1.0.0.15F80 (HomePod; U; CPU OS 11_4 like Mac OS X; fr_fr)
`);

type Row = readonly [header: string, type: string, system: string, program: string];

function parse(lines: string): readonly Row[] {
  const rows = lines.trim().split("\n");
  return rows.map((row) => {
    const [type = "", system = "", program = "", ...header] = row.split(" | ");
    return [header.join(" | "), type, system, program];
  });
}
