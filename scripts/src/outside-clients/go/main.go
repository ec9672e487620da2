// golang.org/x/oauth2 and github.com/coreos/go-oidc as an app, a device and a program that acts for itself.
//
// Reads its settings as JSON from the variable OUTSIDE_CLIENT. Prints "visit <url>" where a person has to go on, and reads the
// address that their browser ended at; prints "ok <what>" for each flow. Ends with 0 when all have passed.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/url"
	"os"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

type client struct {
	ID     string `json:"id"`
	Secret string `json:"secret"`
}

type settings struct {
	Issuer   string `json:"issuer"`
	Callback string `json:"callback"`
	User     string `json:"user"`
	Email    string `json:"email"`
	Web      client `json:"web"`
	Machine  client `json:"machine"`
	Device   client `json:"device"`
}

var input = bufio.NewReader(os.Stdin)

func visit(address string) (string, error) {
	fmt.Println("visit", address)
	line, err := input.ReadString('\n')
	return strings.TrimSpace(line), err
}

func main() {
	log.SetFlags(0)
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	var given settings
	if err := json.Unmarshal([]byte(os.Getenv("OUTSIDE_CLIENT")), &given); err != nil {
		return err
	}
	provider, err := oidc.NewProvider(ctx, given.Issuer)
	if err != nil {
		return err
	}
	// By either way of authentication, and by the library's own finding out which one serves.
	for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams, oauth2.AuthStyleAutoDetect} {
		endpoint := provider.Endpoint()
		endpoint.AuthStyle = style
		if err := signIn(ctx, given, provider, endpoint); err != nil {
			return fmt.Errorf("code, style %d: %w", style, err)
		}
	}
	fmt.Println("ok code with PKCE and nonce; id_token, at_hash; UserInfo; refresh; each style of authentication")
	if err := connectDevice(ctx, given, provider); err != nil {
		return fmt.Errorf("device: %w", err)
	}
	fmt.Println("ok device flow")
	own := clientcredentials.Config{
		ClientID: given.Machine.ID, ClientSecret: given.Machine.Secret,
		TokenURL: provider.Endpoint().TokenURL, Scopes: []string{"notes"},
	}
	token, err := own.Token(ctx)
	if err != nil {
		return fmt.Errorf("client credentials: %w", err)
	}
	if token.RefreshToken != "" || token.Extra("scope") != "notes" {
		return fmt.Errorf("client credentials: %v", token)
	}
	fmt.Println("ok client credentials")
	return nil
}

func signIn(ctx context.Context, given settings, provider *oidc.Provider, endpoint oauth2.Endpoint) error {
	config := oauth2.Config{
		ClientID: given.Web.ID, ClientSecret: given.Web.Secret, Endpoint: endpoint,
		RedirectURL: given.Callback, Scopes: []string{oidc.ScopeOpenID, "email", oidc.ScopeOfflineAccess},
	}
	verifier, nonce, state := oauth2.GenerateVerifier(), oauth2.GenerateVerifier(), "a state"
	ended, err := visit(config.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier), oidc.Nonce(nonce)))
	if err != nil {
		return err
	}
	answer, err := url.Parse(ended)
	if err != nil {
		return err
	}
	if query := answer.Query(); query.Get("state") != state || query.Get("iss") != given.Issuer {
		return fmt.Errorf("answer %v", query)
	}
	// A wrong verifier leaves the code good for nobody else, and for the right one.
	var refused *oauth2.RetrieveError
	code := answer.Query().Get("code")
	if _, err := config.Exchange(ctx, code, oauth2.VerifierOption(oauth2.GenerateVerifier())); !errors.As(err, &refused) || refused.ErrorCode != "invalid_grant" {
		return fmt.Errorf("a wrong verifier: %v", err)
	}
	token, err := config.Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		return err
	}
	raw, _ := token.Extra("id_token").(string)
	idToken, err := provider.Verifier(&oidc.Config{ClientID: given.Web.ID}).Verify(ctx, raw)
	if err != nil {
		return err
	}
	if err := idToken.VerifyAccessToken(token.AccessToken); err != nil {
		return err
	}
	if idToken.Subject != given.User || idToken.Nonce != nonce {
		return fmt.Errorf("id_token %+v", idToken)
	}
	info, err := provider.UserInfo(ctx, config.TokenSource(ctx, token))
	if err != nil {
		return err
	}
	if info.Email != given.Email || info.Subject != given.User {
		return fmt.Errorf("userinfo %+v", info)
	}
	// An expired token makes the source refresh.
	expired := *token
	expired.Expiry = expired.Expiry.AddDate(-1, 0, 0)
	refreshed, err := config.TokenSource(ctx, &expired).Token()
	if err != nil {
		return err
	}
	if refreshed.AccessToken == token.AccessToken || refreshed.RefreshToken == token.RefreshToken {
		return errors.New("a refresh gave the same tokens")
	}
	return nil
}

func connectDevice(ctx context.Context, given settings, provider *oidc.Provider) error {
	config := oauth2.Config{ClientID: given.Device.ID, Endpoint: provider.Endpoint(), Scopes: []string{"openid", "notes"}}
	codes, err := config.DeviceAuth(ctx)
	if err != nil {
		return err
	}
	if _, err := visit(codes.VerificationURIComplete); err != nil {
		return err
	}
	codes.Interval = 1
	token, err := config.DeviceAccessToken(ctx, codes)
	if err != nil {
		return err
	}
	raw, _ := token.Extra("id_token").(string)
	idToken, err := provider.Verifier(&oidc.Config{ClientID: given.Device.ID}).Verify(ctx, raw)
	if err != nil {
		return err
	}
	if idToken.Subject != given.User {
		return fmt.Errorf("id_token %+v", idToken)
	}
	return nil
}
