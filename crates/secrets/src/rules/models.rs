//! Language models and what works with them.

use super::{Rule, named, rule};

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    rule("anthropic_key", "Anthropic key", &["sk-ant-"], r"\bsk-ant-[a-z]{3,5}[0-9]{2}-[A-Za-z0-9_-]{80,}"),
    rule("openai_key", "OpenAI key", &["sk-proj-", "sk-svcacct-", "sk-admin-"], r"\bsk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{40,}"),
    // OpenAI's older keys, and LiteLLM, DeepSeek and others that copied the form.
    rule("model_api_key", "OpenAI, DeepSeek or LiteLLM key", &["sk-"], r"\bsk-[A-Za-z0-9]{32,}\b").min_entropy(3.0),
    rule("openrouter_key", "OpenRouter key", &["sk-or-v1-"], r"\bsk-or-v1-[a-f0-9]{64}\b"),
    rule("langfuse_key", "Langfuse secret key", &["sk-lf-"], r"\bsk-lf-[a-f0-9]{8}(?:-[a-f0-9]{4}){3}-[a-f0-9]{12}\b"),
    rule("huggingface_token", "Hugging Face token", &["hf_", "api_org_"], r"\b(?:hf|api_org)_[A-Za-z0-9]{34,}\b").min_entropy(3.5),
    rule("groq_key", "Groq key", &["gsk_"], r"\bgsk_[A-Za-z0-9]{52}\b"),
    rule("xai_key", "xAI key", &["xai-"], r"\bxai-[A-Za-z0-9]{80}\b"),
    rule("perplexity_key", "Perplexity key", &["pplx-"], r"\bpplx-[A-Za-z0-9]{48}\b"),
    rule("replicate_token", "Replicate token", &["r8_"], r"\br8_[A-Za-z0-9]{37}\b"),
    rule("cohere_key", "Cohere key", &["cohere", "co_api_key"], named!(r"(?:cohere|\bco_api_key)", r"[A-Za-z0-9]{40}")).min_entropy(3.5),
    rule("mistral_key", "Mistral key", &["mistral"], named!(r"mistral", r"[A-Za-z0-9]{32}")).min_entropy(3.5),
    rule("fireworks_key", "Fireworks key", &["fw_"], r"\bfw_[A-Za-z0-9]{22,24}\b").min_entropy(3.5),
    rule("cerebras_key", "Cerebras key", &["csk-"], r"\bcsk-[a-z0-9]{48}\b"),
    rule("nvidia_key", "NVIDIA key", &["nvapi-"], r"\bnvapi-[A-Za-z0-9_-]{60,70}"),
    rule("elevenlabs_key", "ElevenLabs key", &["sk_"], r"\bsk_[a-f0-9]{48}\b"),
    rule("jina_key", "Jina key", &["jina_"], r"\bjina_[a-f0-9]{32}[A-Za-z0-9_-]{28}"),
    rule("tavily_key", "Tavily key", &["tvly-"], r"\btvly-(?:dev-|prod-)?[A-Za-z0-9]{32}\b"),
    rule("firecrawl_key", "Firecrawl key", &["fc-"], r"\bfc-[a-f0-9]{32}\b"),
    rule("langsmith_key", "LangSmith key", &["lsv2_"], r"\blsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}\b"),
];
