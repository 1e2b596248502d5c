pub(crate) const USAGE: &str = "";
pub(crate) fn run(_repo: &crate::repo::Repo, _args: crate::args::Args) -> anyhow::Result<()> {
    anyhow::bail!("not there yet")
}
