//! Hosting and building of code, packages, and the secrets of both.

use super::{Rule, rule};

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    rule("github_token", "GitHub token", &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], r"\bgh[opsur]_[A-Za-z0-9]{36,255}\b"),
    rule("github_fine_grained_token", "GitHub fine-grained token", &["github_pat_"], r"\bgithub_pat_[A-Za-z0-9_]{40,255}\b"),
    rule("gitlab_token", "GitLab token", &["glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glft-", "glsoat-", "glimt-", "glagent-", "gloas-", "glffct-"],
        r"\bgl(?:pat|dt|rt|cbt|ptt|ft|soat|imt|agent|oas|ffct)-[A-Za-z0-9_.-]{20,}"),
    rule("bitbucket_app_password", "Bitbucket app password", &["ATBB"], r"\bATBB[A-Za-z0-9]{28,36}\b"),
    rule("npm_token", "npm token", &["npm_"], r"\bnpm_[A-Za-z0-9]{36}\b"),
    rule("pypi_token", "PyPI token", &["pypi-AgE"], r"\bpypi-AgE[A-Za-z0-9_-]{50,}"),
    rule("crates_io_token", "crates.io token", &["cio"], r"\bcio[A-Za-z0-9]{32}\b").min_entropy(3.5),
    rule("rubygems_key", "RubyGems key", &["rubygems_"], r"\brubygems_[a-f0-9]{48}\b"),
    rule("nuget_key", "NuGet key", &["oy2"], r"\boy2[a-z0-9]{43}\b").min_entropy(3.5),
    rule("clojars_token", "Clojars token", &["CLOJARS_"], r"\bCLOJARS_[a-z0-9]{60}\b"),
    rule("docker_hub_token", "Docker Hub token", &["dckr_pat_", "dckr_oat_"], r"\bdckr_[po]at_[A-Za-z0-9_-]{27,}"),
    rule("jfrog_key", "JFrog Artifactory key", &["AKCp"], r"\bAKCp[A-Za-z0-9]{69}\b"),
    rule("circleci_token", "CircleCI token", &["CCIPAT_"], r"\bCCIPAT_[A-Za-z0-9]{22}_[a-f0-9]{40}\b"),
    rule("buildkite_token", "Buildkite token", &["bkua_"], r"\bbkua_[a-f0-9]{40}\b"),
    rule("sonarqube_token", "SonarQube token", &["squ_", "sqp_", "sqa_"], r"\bsq[pua]_[a-f0-9]{40}\b"),
    rule("sourcegraph_token", "Sourcegraph token", &["sgp_"], r"\bsgp_(?:[a-f0-9]{16}_|local_)?[a-f0-9]{40}\b"),
    rule("doppler_token", "Doppler token", &["dp."], r"\bdp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}\b"),
    rule("pulumi_token", "Pulumi token", &["pul-"], r"\bpul-[a-f0-9]{40}\b"),
    rule("terraform_token", "HCP Terraform token", &[".atlasv1."], r"\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}"),
    rule("vault_token", "HashiCorp Vault token", &["hvs.", "hvb.", "hvr."], r"\bhv[sbr]\.[A-Za-z0-9_-]{90,}"),
    rule("onepassword_token", "1Password service account token", &["ops_eyJ"], r"\bops_eyJ[A-Za-z0-9+/_-]{200,}"),
    rule("age_secret_key", "age secret key", &["AGE-SECRET-KEY-1"], r"\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b"),
    rule("postman_key", "Postman key", &["PMAK-"], r"\bPMAK-[a-f0-9]{24}-[a-f0-9]{34}\b"),
    rule("readme_key", "ReadMe key", &["rdme_"], r"\brdme_[a-z0-9]{70}\b"),
    rule("prefect_key", "Prefect key", &["pnu_", "pnb_"], r"\bpn[ub]_[A-Za-z0-9]{36}\b"),
];
