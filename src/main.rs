//! The command `hub`: parses the command line and calls one function.

fn main() -> anyhow::Result<()> {
    let config = arrotech_hub::config::Sources::of_process(None, Vec::new()).load()?;
    actix_web::rt::System::new().block_on(arrotech_hub::serve(config))?;
    Ok(())
}
