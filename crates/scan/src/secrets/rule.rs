//! The rules, by name.

use serde::{Deserialize, Serialize};

/// What a secret is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Rule {
    /// A private key without a passphrase, in PEM.
    PrivateKey,
    /// An access key of AWS, its id and its secret beside each other.
    AwsAccessKey,
    /// A token of GitHub.
    GithubToken,
    /// A token of GitLab.
    GitlabToken,
    /// A token of npm.
    NpmToken,
    /// A token of PyPI.
    PypiToken,
    /// A token of Slack.
    SlackToken,
    /// An incoming webhook of Slack.
    SlackWebhook,
    /// A live key of Stripe.
    StripeKey,
    /// A key file of a Google Cloud service account.
    GoogleServiceAccount,
    /// An API key of Google.
    GoogleApiKey,
    /// A token of HashiCorp Vault.
    VaultToken,
    /// An identity of age.
    AgeIdentity,
    /// A key of Tailscale.
    TailscaleKey,
    /// An API key of OpenAI.
    OpenaiKey,
    /// An API key of Anthropic.
    AnthropicKey,
    /// A token of Hugging Face.
    HuggingfaceToken,
    /// A token of DigitalOcean.
    DigitaloceanToken,
    /// A password or token for a registry, in Docker's config.
    DockerAuth,
    /// A password or token for a registry, in npm's config.
    NpmAuth,
    /// A password for an index of Python packages, in `.pypirc`.
    PypiPassword,
    /// A password in `.netrc`.
    NetrcPassword,
    /// A password in an address that git keeps.
    GitPassword,
    /// The private key of a client in a kubeconfig.
    KubernetesClientKey,
    /// Not a secret: what is beyond a limit was not searched.
    NotSearched,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 25] = [
        Self::PrivateKey,
        Self::AwsAccessKey,
        Self::GithubToken,
        Self::GitlabToken,
        Self::NpmToken,
        Self::PypiToken,
        Self::SlackToken,
        Self::SlackWebhook,
        Self::StripeKey,
        Self::GoogleServiceAccount,
        Self::GoogleApiKey,
        Self::VaultToken,
        Self::AgeIdentity,
        Self::TailscaleKey,
        Self::OpenaiKey,
        Self::AnthropicKey,
        Self::HuggingfaceToken,
        Self::DigitaloceanToken,
        Self::DockerAuth,
        Self::NpmAuth,
        Self::PypiPassword,
        Self::NetrcPassword,
        Self::GitPassword,
        Self::KubernetesClientKey,
        Self::NotSearched,
    ];

    /// Its name, as inventories and policies have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::PrivateKey => "private-key",
            Self::AwsAccessKey => "aws-access-key",
            Self::GithubToken => "github-token",
            Self::GitlabToken => "gitlab-token",
            Self::NpmToken => "npm-token",
            Self::PypiToken => "pypi-token",
            Self::SlackToken => "slack-token",
            Self::SlackWebhook => "slack-webhook",
            Self::StripeKey => "stripe-key",
            Self::GoogleServiceAccount => "google-service-account",
            Self::GoogleApiKey => "google-api-key",
            Self::VaultToken => "vault-token",
            Self::AgeIdentity => "age-identity",
            Self::TailscaleKey => "tailscale-key",
            Self::OpenaiKey => "openai-key",
            Self::AnthropicKey => "anthropic-key",
            Self::HuggingfaceToken => "huggingface-token",
            Self::DigitaloceanToken => "digitalocean-token",
            Self::DockerAuth => "docker-auth",
            Self::NpmAuth => "npm-auth",
            Self::PypiPassword => "pypi-password",
            Self::NetrcPassword => "netrc-password",
            Self::GitPassword => "git-password",
            Self::KubernetesClientKey => "kubernetes-client-key",
            Self::NotSearched => "not-searched",
        }
    }
}
