//! Batch scripts: one job, or several tasks as a job array.

use std::fmt::{Display, Write};
use std::path::PathBuf;

use settings::Resources;

/// A command with a name; one job, or one task of a job array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Name for people: `train lstm`.
    pub name: String,
    /// The program and its arguments.
    pub command: Vec<String>,
}

/// Tasks with the same resources and dependencies. Several tasks are a job array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The name of the job in Slurm.
    pub name: String,
    /// Resources of each task.
    pub resources: Resources,
    /// Seconds before the time limit at which the program of a task receives SIGUSR1.
    pub save_before: u32,
    /// File for messages of Slurm, and for output of a task before it opens its log.
    pub output: PathBuf,
    /// Working directory of the tasks.
    pub folder: PathBuf,
    /// At least one task.
    pub tasks: Vec<Task>,
}

impl Batch {
    /// The script for `sbatch`. It replaces the shell by the command of the task (`exec`), so that the command receives
    /// the signal that Slurm sends to the shell before the time limit.
    pub fn script(&self) -> String {
        let mut text = "#!/bin/bash\n".to_owned();
        for option in self.options() {
            let _ = writeln!(text, "#SBATCH {option}");
        }
        // Without this check Slurm would run the job in another folder if this one does not exist.
        let folder = shell_quoted(&self.folder.to_string_lossy());
        let _ = write!(text, "\ncd -- {folder} || exit\n\n");
        match self.tasks.as_slice() {
            [task] => {
                let command = shell_command(&task.command);
                let _ = writeln!(text, "# {}\nexec {command}", task.name);
            }
            tasks => {
                text.push_str("case \"${SLURM_ARRAY_TASK_ID:?}\" in\n");
                for (number, task) in tasks.iter().enumerate() {
                    let command = shell_command(&task.command);
                    let _ = writeln!(text, "{number}) # {}\n  exec {command} ;;", task.name);
                }
                text.push_str("esac\n");
            }
        }
        text
    }

    /// The options of `sbatch`, as written in the script.
    fn options(&self) -> Vec<String> {
        let resources = &self.resources;
        let mut options = vec![format!("--job-name={}", self.name)];
        if self.tasks.len() > 1 {
            options.push(format!("--array=0-{}", self.tasks.len() - 1));
        }
        options.push("--nodes=1 --ntasks=1".to_owned());
        options.push(format!("--cpus-per-task={}", resources.cpus.unwrap_or(1)));
        let gpus = resources.gpus.filter(|gpus| *gpus > 0);
        options.extend(resources.memory.iter().map(|size| format!("--mem={size}")));
        options.extend(gpus.map(|gpus| format!("--gres=gpu:{gpus}")));
        options.extend(resources.time.iter().map(|time| format!("--time={time}")));
        let (partition, account) = (&resources.partition, &resources.account);
        options.extend(partition.iter().map(|name| format!("--partition={name}")));
        options.extend(account.iter().map(|name| format!("--account={name}")));
        // A percent sign begins a pattern of `sbatch`.
        let output = self.output.to_string_lossy().replace('%', "%%");
        options.push(shell_quoted(&format!("--output={output}")));
        options.push("--open-mode=append".to_owned());
        // Slurm puts the job back into the queue after a node failure.
        options.push("--requeue".to_owned());
        options.push(format!("--signal=B:USR1@{}", self.save_before));
        // A job that depends on a failed task would stay in the queue forever.
        options.push("--kill-on-invalid-dep=yes".to_owned());
        let flags = resources.flags.iter().flatten();
        options.extend(flags.map(|flag| shell_quoted(flag)));
        options
    }
}

/// The value of `sbatch --dependency` that waits until all tasks have succeeded; `None` without tasks.
pub fn after_ok(tasks: impl IntoIterator<Item = impl Display>) -> Option<String> {
    let tasks: String = tasks.into_iter().map(|task| format!(":{task}")).collect();
    (!tasks.is_empty()).then(|| format!("afterok{tasks}"))
}

/// A command as a line for a shell.
fn shell_command(command: &[String]) -> String {
    let words: Vec<String> = command.iter().map(|word| shell_quoted(word)).collect();
    words.join(" ")
}

/// A word for a shell, in quotes if necessary.
pub fn shell_quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_=./:,+@%".contains(&byte);
    match !word.is_empty() && word.bytes().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn task(name: &str, command: &[&str]) -> Task {
        Task {
            name: name.to_owned(),
            command: command.iter().map(|word| (*word).to_owned()).collect(),
        }
    }

    fn batch(tasks: Vec<Task>) -> Batch {
        Batch {
            name: "ressenti-train".to_owned(),
            resources: Resources::default(),
            save_before: 120,
            output: "/shared/100%/slurm.out".into(),
            folder: "/".into(),
            tasks,
        }
    }

    #[test]
    fn the_script_of_a_job_replaces_the_shell_by_its_command() {
        let mut batch = batch(vec![task("train lstm", &["/bin/echo", "two words"])]);
        batch.resources = Resources {
            cpus: Some(4),
            memory: Some("8G".to_owned()),
            gpus: Some(1),
            time: Some("01:00:00".to_owned()),
            partition: Some("long".to_owned()),
            account: Some("us".to_owned()),
            flags: Some(vec!["--qos=low".to_owned(), "--comment=a b".to_owned()]),
        };
        assert_eq!(
            batch.script(),
            "#!/bin/bash\n\
             #SBATCH --job-name=ressenti-train\n\
             #SBATCH --nodes=1 --ntasks=1\n\
             #SBATCH --cpus-per-task=4\n\
             #SBATCH --mem=8G\n\
             #SBATCH --gres=gpu:1\n\
             #SBATCH --time=01:00:00\n\
             #SBATCH --partition=long\n\
             #SBATCH --account=us\n\
             #SBATCH --output=/shared/100%%/slurm.out\n\
             #SBATCH --open-mode=append\n\
             #SBATCH --requeue\n\
             #SBATCH --signal=B:USR1@120\n\
             #SBATCH --kill-on-invalid-dep=yes\n\
             #SBATCH --qos=low\n\
             #SBATCH '--comment=a b'\n\
             \n\
             cd -- / || exit\n\
             \n\
             # train lstm\n\
             exec /bin/echo 'two words'\n"
        );
    }

    #[test]
    fn a_task_of_an_array_runs_only_its_own_command() {
        let words = ["it's", "$HOME `id` \"x\"", "", "*"];
        let array = batch(vec![
            task("a", &["/usr/bin/printf", "%s|"]),
            task("b", &[&["/usr/bin/printf", "%s|"][..], &words].concat()),
        ]);
        let script = array.script();
        assert!(script.contains("#SBATCH --array=0-1\n"), "{script}");
        let run = |number: &str| {
            let mut shell = Command::new("bash");
            shell.args(["-c", &script]);
            let output = shell.env("SLURM_ARRAY_TASK_ID", number).output();
            String::from_utf8(output.expect("bash").stdout).expect("text")
        };
        assert_eq!(run("0"), "|");
        assert_eq!(run("1"), format!("{}|", words.join("|")));
        assert_eq!(run("2"), "");
    }

    #[test]
    fn dependencies_are_joined_into_one_option() {
        assert_eq!(after_ok([0; 0]), None);
        assert_eq!(after_ok(["12", "13_4"]).as_deref(), Some("afterok:12:13_4"));
    }
}
