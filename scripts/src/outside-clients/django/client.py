"""Django as an app, by social-auth-app-django (python-social-auth) and by mozilla-django-oidc.

Reads its settings as JSON from the variable OUTSIDE_CLIENT. Prints `visit <url>` where a person has to go on, and reads the
address that their browser ended at; prints `ok <what>` for each flow. Ends with 0 when all have passed.
"""

import json
import os
import sys
from urllib.parse import parse_qs, urlsplit

import django
from django.conf import settings as django_settings

settings = json.loads(os.environ["OUTSIDE_CLIENT"])
issuer = settings["issuer"]
client = settings["django"]
origin = "http://127.0.0.1:9"

django_settings.configure(
    SECRET_KEY="a secret of the app, as long as Django wants it to be",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "social_django",
        "mozilla_django_oidc",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "mozilla_django_oidc.middleware.SessionRefresh",
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    AUTHENTICATION_BACKENDS=[
        "social_core.backends.open_id_connect.OpenIdConnectAuth",
        "mozilla_django_oidc.auth.OIDCAuthenticationBackend",
    ],
    LOGIN_REDIRECT_URL="/done",
    LOGOUT_REDIRECT_URL="/done",
    SOCIAL_AUTH_OIDC_OIDC_ENDPOINT=issuer,
    SOCIAL_AUTH_OIDC_KEY=client["id"],
    SOCIAL_AUTH_OIDC_SECRET=client["secret"],
    SOCIAL_AUTH_OIDC_USE_PKCE=True,
    OIDC_RP_CLIENT_ID=client["id"],
    OIDC_RP_CLIENT_SECRET=client["secret"],
    OIDC_RP_SIGN_ALGO="RS256",
    OIDC_OP_JWKS_ENDPOINT=f"{issuer}/oauth/jwks",
    OIDC_OP_AUTHORIZATION_ENDPOINT=f"{issuer}/oauth/authorize",
    OIDC_OP_TOKEN_ENDPOINT=f"{issuer}/oauth/token",
    OIDC_OP_USER_ENDPOINT=f"{issuer}/oauth/userinfo",
    OIDC_USE_PKCE=True,
    # Each request asks anew, with prompt=none, whether the person is still signed in.
    OIDC_RENEW_ID_TOKEN_EXPIRY_SECONDS=-1,
)
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import include, path  # noqa: E402
from social_django.models import UserSocialAuth  # noqa: E402
from social_django.utils import load_strategy  # noqa: E402

urlpatterns = [
    path("callback/", include("social_django.urls", namespace="social")),
    path("callback/oidc/", include("mozilla_django_oidc.urls")),
    path("done", lambda request: HttpResponse(str(request.user))),
]
call_command("migrate", verbosity=0)


def say(line):
    print(line, flush=True)


def visit(url):
    say(f"visit {url}")
    return sys.stdin.readline().strip()


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def sign_in(begun, browser):
    """Goes to the provider and back; ends where the app sends its user."""
    back = visit(begun.headers["location"])
    answer = browser.get(back.removeprefix(origin))
    expect(answer.status_code == 302, f"{answer.status_code} {answer.content[:500]}")
    return answer.headers["location"]


def by_social_auth():
    browser = Client(HTTP_HOST="127.0.0.1:9")
    to = sign_in(browser.post("/callback/login/oidc/"), browser)
    expect(to == "/done", f"led to {to}")
    account = UserSocialAuth.objects.get()
    expect(account.uid == settings["user"], f"uid {account.uid}")
    expect(account.user.email == settings["email"], f"address {account.user.email}")
    before = account.access_token
    account.refresh_token(load_strategy())
    account.refresh_from_db()
    expect(account.access_token != before, "no other access token")


def by_mozilla():
    browser = Client(HTTP_HOST="127.0.0.1:9")
    to = sign_in(browser.get("/callback/oidc/authenticate/"), browser)
    expect(to == "/done", f"led to {to}")
    user = User.objects.get(email=settings["email"])
    asked = browser.get("/done")
    query = parse_qs(urlsplit(asked.headers["location"]).query)
    expect(query["prompt"] == ["none"], f"asked with {query}")
    expect(sign_in(asked, browser).endswith("/done"), "the person was not signed in any more")
    expect(int(browser.session["_auth_user_id"]) == user.pk, "another user")


by_social_auth()
say("ok social-auth-app-django: code with PKCE, state and nonce; id_token, at_hash; UserInfo; refresh")
by_mozilla()
say("ok mozilla-django-oidc: code with PKCE, state and nonce; id_token; UserInfo; prompt=none")
