"""Authlib as an app, as a program that acts for itself, and as a resource server.

Reads its settings as JSON from the variable OUTSIDE_CLIENT. Prints `visit <url>` where a person has to go on, and reads the
address that their browser ended at; prints `ok <what>` for each flow. Ends with 0 when all have passed.
"""

import json
import os
import sys

import requests
from authlib.integrations.flask_client import OAuth
from authlib.integrations.flask_oauth2 import ResourceProtector, current_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc7662 import IntrospectTokenValidator
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from flask import Flask, jsonify
from joserfc.jwk import ECKey

settings = json.loads(os.environ["OUTSIDE_CLIENT"])
issuer = settings["issuer"]
metadata_url = f"{issuer}/.well-known/openid-configuration"
metadata = requests.get(metadata_url, timeout=20).json()


def say(line):
    print(line, flush=True)


def visit(url):
    say(f"visit {url}")
    return sys.stdin.readline().strip()


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def sign_in_with_flask():
    """The integration that web apps use: discovery, state, nonce, PKCE, the id_token's claims."""
    client = settings["web"]
    app = Flask(__name__)
    app.secret_key = "a secret of the app"
    oauth = OAuth(app)
    oauth.register(
        "ours",
        client_id=client["id"],
        client_secret=client["secret"],
        server_metadata_url=metadata_url,
        client_kwargs={"scope": "openid profile email offline_access", "code_challenge_method": "S256"},
    )

    @app.get("/login")
    def login():
        return oauth.ours.authorize_redirect(settings["callback"])

    @app.get("/callback")
    def callback():
        token = oauth.ours.authorize_access_token()
        return jsonify(token=token, info=oauth.ours.userinfo(token=token))

    browser = app.test_client()
    to = visit(browser.get("/login").headers["location"])
    answer = browser.get("/callback?" + to.split("?", 1)[1]).get_json()
    claims = answer["token"]["userinfo"]
    expect(claims["sub"] == settings["user"] and claims["iss"] == issuer, f"claims {claims}")
    expect(answer["info"]["email"] == settings["email"], f"userinfo {answer['info']}")
    return answer["token"]


def keep_with_session(token):
    """Refresh, introspection, revocation with the session of `requests`."""
    client = settings["web"]
    session = OAuth2Session(client["id"], client["secret"], token=token, scope="openid")
    refreshed = session.refresh_token(metadata["token_endpoint"], refresh_token=token["refresh_token"])
    expect(refreshed["access_token"] != token["access_token"], "no other access token")
    seen = session.introspect_token(metadata["introspection_endpoint"], token=refreshed["access_token"]).json()
    expect(seen["active"] and seen["sub"] == settings["user"], f"introspection {seen}")
    for hint in ("refresh_token", "access_token"):
        answer = session.revoke_token(metadata["revocation_endpoint"], refreshed["refresh_token"], hint)
        expect(answer.status_code == 200, f"revocation {answer.status_code}")
    seen = session.introspect_token(metadata["introspection_endpoint"], token=refreshed["access_token"]).json()
    expect(seen == {"active": False}, f"introspection after revocation {seen}")


def act_for_itself():
    """Client credentials by Basic, by the body, and by a key."""
    for method in ("client_secret_basic", "client_secret_post"):
        client = settings["machine"]
        session = OAuth2Session(
            client["id"], client["secret"], scope="notes", token_endpoint_auth_method=method
        )
        token = session.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
        expect(token["scope"] == "notes" and "refresh_token" not in token, f"token {token}")
    client = settings["keyed"]
    key = ECKey.import_key(client["key"])
    session = OAuth2Session(client["id"], key, token_endpoint_auth_method="private_key_jwt")
    # The audience is the issuer alone (RFC 7523 as OAuth 2.1 has it).
    session.register_client_auth_method(PrivateKeyJWT(issuer, alg="ES256"))
    token = session.fetch_token(metadata["token_endpoint"], grant_type="client_credentials", scope="notes")
    expect(token["scope"] == "notes", f"token {token}")
    return token["access_token"]


class LocalCheck(JWTBearerTokenValidator):
    def get_jwks(self):
        return requests.get(metadata["jwks_uri"], timeout=20).json()


class AskingCheck(IntrospectTokenValidator):
    def introspect_token(self, token_string):
        client = settings["api"]
        return requests.post(
            metadata["introspection_endpoint"],
            data={"token": token_string},
            auth=(client["id"], client["secret"]),
            timeout=20,
        ).json()


def serve_resources(jwt, opaque):
    """A resource server that checks JWTs by itself (RFC 9068) and asks for opaque tokens (RFC 7662)."""
    resource = settings["api"]["resource"]
    for name, validator, token in (
        ("local", LocalCheck(issuer, resource), jwt),
        ("asking", AskingCheck(), opaque),
    ):
        app = Flask(name)
        protect = ResourceProtector()
        protect.register_token_validator(validator)

        @app.get("/notes")
        @protect("notes")
        def notes():
            return jsonify(client=current_token["client_id"])

        @app.get("/more")
        @protect("more")
        def more():
            return jsonify()

        api = app.test_client()
        headers = {"authorization": f"Bearer {token}"}
        answer = api.get("/notes", headers=headers)
        expect(answer.status_code == 200, f"{name}: {answer.status_code} {answer.get_data(as_text=True)}")
        expect(api.get("/more", headers=headers).status_code == 403, f"{name}: a scope that was not granted")
        forged = {"authorization": f"Bearer {token[:-6]}AAAAAA"}
        expect(api.get("/notes", headers=forged).status_code == 401, f"{name}: a forged token")


def tokens_for_resource():
    """A JWT and an opaque token for the resource server."""
    tokens = []
    for client in (settings["jwt_machine"], settings["machine"]):
        session = OAuth2Session(client["id"], client["secret"], scope="notes")
        answer = session.fetch_token(
            metadata["token_endpoint"],
            grant_type="client_credentials",
            resource=settings["api"]["resource"],
        )
        tokens.append(answer["access_token"])
    return tokens


token = sign_in_with_flask()
say("ok code with PKCE, state and nonce; id_token; UserInfo")
keep_with_session(token)
say("ok refresh, introspection, revocation")
act_for_itself()
say("ok client credentials by Basic, by the body, and by a key")
serve_resources(*tokens_for_resource())
say("ok resource server: JWT by itself, opaque by introspection")
