// A certified OpenID provider on loopback, with one person and one client; prints its issuer.
// Argument: where the desk takes people back.
import { createRequire } from "node:module";
import { createServer } from "node:http";

const [modules, back] = process.argv.slice(2);
const { default: Provider } = await import(createRequire(modules).resolve("oidc-provider"));

const server = createServer();
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "scserv-desk",
      client_secret: "a secret of the client",
      redirect_uris: [back],
      post_logout_redirect_uris: [new URL("/sign-in", back).href],
    },
  ],
  claims: { openid: ["sub"], email: ["email", "email_verified", "groups"] },
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({
      sub: id,
      email: `${id}@example.org`,
      email_verified: true,
      groups: ["texts-support"],
    }),
  }),
});
server.on("request", provider.callback());
console.log(issuer);
