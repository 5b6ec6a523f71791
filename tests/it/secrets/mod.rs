//! Secrets: canaries for the client secret, the access token and the assertion, and a search for
//! them, plain and disguised, in every byte that the program writes or shows while it runs at its
//! most talkative. What the messages say instead is tested with the sign-in.

mod disguise;
mod runs;
mod sign_in;
