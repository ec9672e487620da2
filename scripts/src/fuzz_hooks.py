"""Signs in for Schemathesis: as a new account every few seconds, for what is tried ends sessions and erases accounts."""

import os
import secrets

import requests
import schemathesis

ADDRESS = os.environ["ORG_FUZZ_ADDRESS"]
KIND = os.environ["ORG_FUZZ_AS"]
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def call(path, payload, token=None):
    headers = {"user-agent": AGENT, **({"authorization": f"Bearer {token}"} if token else {})}
    answer = requests.post(f"{ADDRESS}/v1{path}", json=payload, headers=headers, timeout=20)
    answer.raise_for_status()
    return answer.json()


@schemathesis.auth(refresh_interval=3)
class Account:
    def get(self, case, context):
        email, password = f"{secrets.token_hex(8)}@example.com", secrets.token_hex(16)
        user = call("/users", {"email": email, "password": password})
        token = call("/sessions", {"identifier": email, "password": password, "delivery": "token"})["token"]
        if KIND == "administrator":
            promotion = requests.post(os.environ["ORG_FUZZ_PROMOTIONS"], data=user["id"], timeout=20)
            promotion.raise_for_status()
        if KIND != "apiKey":
            return token
        scopes = ["profile:read", "profile:write", "usage:read"]
        return call("/api-keys", {"name": "fuzz", "scopes": scopes}, token)["key"]

    def set(self, case, data, context):
        case.headers = case.headers or {}
        if KIND == "bearer":
            case.headers["Authorization"] = f"Bearer {data}"
        elif KIND == "apiKey":
            case.headers["x-api-key"] = data
        else:
            case.headers["sec-fetch-site"] = "same-origin"
            case.cookies = {**(case.cookies or {}), "session": data}
