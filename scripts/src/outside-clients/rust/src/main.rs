//! The crate openidconnect as an app: it reads metadata, tokens and claims into types of its own, and takes nothing else.
//!
//! Reads its settings as JSON from the variable OUTSIDE_CLIENT. Prints `visit <url>` where a person has to go on, and reads the
//! address that their browser ended at; prints `ok <what>` for each flow. Ends with 0 when all have passed.

use std::{collections::HashMap, env, error::Error, io};

use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata, CoreUserInfoClaims};
use openidconnect::reqwest::{blocking::ClientBuilder, redirect::Policy};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, IssuerUrl, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, RedirectUrl, Scope, TokenResponse,
};

#[derive(serde::Deserialize)]
struct Registered {
    id: String,
    secret: String,
}

#[derive(serde::Deserialize)]
struct Settings {
    issuer: String,
    callback: String,
    user: String,
    email: String,
    web: Registered,
}

fn visit(address: &str) -> io::Result<String> {
    println!("visit {address}");
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

fn main() -> Result<(), Box<dyn Error>> {
    let settings: Settings = serde_json::from_str(&env::var("OUTSIDE_CLIENT")?)?;
    let http = ClientBuilder::new().redirect(Policy::none()).build()?;
    let metadata = CoreProviderMetadata::discover(&IssuerUrl::new(settings.issuer.clone())?, &http)?;
    let client = CoreClient::from_provider_metadata(
        metadata,
        ClientId::new(settings.web.id),
        Some(ClientSecret::new(settings.web.secret)),
    )
    .set_redirect_uri(RedirectUrl::new(settings.callback)?);

    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let scopes = ["profile", "email", "offline_access"].map(|name| Scope::new(name.to_owned()));
    let (address, state, nonce) = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
        .add_scopes(scopes)
        .set_pkce_challenge(challenge)
        .url();
    let back = url::Url::parse(&visit(address.as_str())?)?;
    let answer: HashMap<_, _> = back.query_pairs().into_owned().collect();
    assert_eq!(&answer["state"], state.secret());
    let tokens = client
        .exchange_code(AuthorizationCode::new(answer["code"].clone()))?
        .set_pkce_verifier(verifier)
        .request(&http)?;

    let id_token = tokens.id_token().ok_or("no id_token")?;
    let checks = client.id_token_verifier();
    let claims = id_token.claims(&checks, &nonce)?;
    assert_eq!(claims.subject().as_str(), settings.user);
    let hash = AccessTokenHash::from_token(
        tokens.access_token(),
        id_token.signing_alg()?,
        id_token.signing_key(&checks)?,
    )?;
    assert_eq!(claims.access_token_hash(), Some(&hash));
    let info: CoreUserInfoClaims = client
        .user_info(tokens.access_token().clone(), Some(claims.subject().clone()))?
        .request(&http)?;
    assert_eq!(info.email().map(|email| email.as_str()), Some(settings.email.as_str()));
    println!("ok code with PKCE, state and nonce; id_token, at_hash; UserInfo");

    let refresh_token = tokens.refresh_token().ok_or("no refresh token")?;
    let refreshed = client.exchange_refresh_token(refresh_token)?.request(&http)?;
    let renewed = refreshed.id_token().ok_or("no id_token at the refresh")?;
    renewed.claims(&checks, |_: Option<&Nonce>| Ok(()))?;
    assert_ne!(refreshed.access_token().secret(), tokens.access_token().secret());
    println!("ok refresh");
    Ok(())
}
