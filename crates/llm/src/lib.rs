//! The one gate to language models: aliases, prompts in, text out, a row for each call.
