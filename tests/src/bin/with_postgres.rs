//! Runs a command beside a fresh PostgreSQL, which `DESKBELL_TEST_POSTGRES` names to it.

// One thread: PostgreSQL ends with the thread that started it.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<std::process::ExitCode> {
    use anyhow::Context;

    let mut words = std::env::args_os().skip(1);
    let program = words.next().context("which command?")?;
    let postgres = deskbell_tests::postgres::Postgres::start().await?;
    let mut command = tokio::process::Command::new(program);
    command.args(words).env("DESKBELL_TEST_POSTGRES", postgres.server());
    let succeeded = command.status().await?.success();
    Ok(if succeeded { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE })
}
