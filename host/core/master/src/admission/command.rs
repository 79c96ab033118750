//! A command, as far as the master looks at it.

use mezzo_proto::mesos::v1::{CommandInfo, environment::variable::Type};

/// Checks a command.
pub(super) fn check(command: &CommandInfo) -> Result<(), String> {
    check_environment(command).map_err(|why| format!("Task's `CommandInfo` is invalid: {why}"))?;
    if command.value.as_deref().unwrap_or_default().is_empty() && command.shell.unwrap_or(true) {
        return Err("Shell command is not specified".to_owned());
    }
    Ok(())
}

fn check_environment(command: &CommandInfo) -> Result<(), String> {
    for variable in command.environment.iter().flat_map(|environment| &environment.variables) {
        let name = &variable.name;
        match variable.r#type() {
            Type::Unknown => return Err("Environment variable of type 'UNKNOWN' is not allowed".to_owned()),
            Type::Value if variable.secret.is_some() => {
                return Err(format!(
                    "Environment variable '{name}' of type 'VALUE' must not have a secret set"
                ));
            }
            Type::Value if variable.value.is_none() => {
                return Err(format!("Environment variable '{name}' of type 'VALUE' must have a value set"));
            }
            Type::Value => {}
            Type::Secret if variable.secret.is_none() => {
                return Err(format!("Environment variable '{name}' of type 'SECRET' must have a secret set"));
            }
            Type::Secret if variable.value.is_some() => {
                return Err(format!(
                    "Environment variable '{name}' of type 'SECRET' must not have a value set"
                ));
            }
            Type::Secret => {
                return Err(format!(
                    "Environment variable '{name}' is a secret: secrets are not supported by this release"
                ));
            }
        }
    }
    Ok(())
}
