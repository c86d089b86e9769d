//! What one `sbatch` submits: a job, or several like it as a job array, and the script for them.

use std::fmt::{Display, Write};
use std::path::PathBuf;

use settings::Resources;

/// A command with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// What people call it, on one line: `train lstm`.
    pub name: String,
    /// The program and its arguments.
    pub command: Vec<String>,
}

/// Tasks that ask for the same and wait for the same. More than one are a job array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The job's name in Slurm's lists.
    pub name: String,
    /// What each task asks for.
    pub resources: Resources,
    /// Seconds before the time limit at which a task's program gets SIGUSR1.
    pub save_before: u32,
    /// The file that gets what Slurm itself says, and what a task says before it has opened its log.
    pub output: PathBuf,
    /// The folder that the tasks run in.
    pub folder: PathBuf,
    /// The tasks; at least one.
    pub tasks: Vec<Task>,
}

impl Batch {
    /// The script that `sbatch` is given. A task's command takes the place of the shell, so that the
    /// signal that Slurm sends to the shell before the time limit reaches it.
    pub fn script(&self) -> String {
        let mut text = "#!/bin/bash\n".to_owned();
        for option in self.options() {
            let _ = writeln!(text, "#SBATCH {option}");
        }
        // Slurm would go on in another folder where this one cannot be had.
        let folder = shell_quoted(&self.folder.to_string_lossy());
        let _ = write!(text, "\ncd -- {folder} || exit\n\n");
        match self.tasks.as_slice() {
            [task] => {
                let _ = writeln!(text, "# {}\nexec {}", task.name, in_shell(&task.command));
            }
            tasks => {
                text.push_str("case \"${SLURM_ARRAY_TASK_ID:?}\" in\n");
                for (number, task) in tasks.iter().enumerate() {
                    let command = in_shell(&task.command);
                    let _ = writeln!(text, "{number}) # {}\n  exec {command} ;;", task.name);
                }
                text.push_str("esac\n");
            }
        }
        text
    }

    /// The options of `sbatch`, each as it stands in the script.
    fn options(&self) -> Vec<String> {
        let wanted = &self.resources;
        let mut options = vec![format!("--job-name={}", self.name)];
        if self.tasks.len() > 1 {
            options.push(format!("--array=0-{}", self.tasks.len() - 1));
        }
        options.push("--nodes=1 --ntasks=1".to_owned());
        options.push(format!("--cpus-per-task={}", wanted.cpus.unwrap_or(1)));
        let gpus = wanted.gpus.filter(|gpus| *gpus > 0);
        options.extend(wanted.memory.iter().map(|size| format!("--mem={size}")));
        options.extend(gpus.map(|gpus| format!("--gres=gpu:{gpus}")));
        options.extend(wanted.time.iter().map(|time| format!("--time={time}")));
        let (partition, account) = (&wanted.partition, &wanted.account);
        options.extend(partition.iter().map(|name| format!("--partition={name}")));
        options.extend(account.iter().map(|name| format!("--account={name}")));
        // A percent sign would begin a pattern of sbatch's.
        let output = self.output.to_string_lossy().replace('%', "%%");
        options.push(shell_quoted(&format!("--output={output}")));
        options.push("--open-mode=append".to_owned());
        // After the loss of a node Slurm itself queues the job again.
        options.push("--requeue".to_owned());
        options.push(format!("--signal=B:USR1@{}", self.save_before));
        // What waits for a task that failed would wait for ever.
        options.push("--kill-on-invalid-dep=yes".to_owned());
        options.extend(wanted.flags.iter().flatten().map(|flag| shell_quoted(flag)));
        options
    }
}

/// The value of `sbatch --dependency` that waits until all of these have ended well.
pub fn after_ok(tasks: impl IntoIterator<Item = impl Display>) -> Option<String> {
    let tasks: String = tasks.into_iter().map(|task| format!(":{task}")).collect();
    (!tasks.is_empty()).then(|| format!("afterok{tasks}"))
}

/// A command as a line for a shell.
fn in_shell(command: &[String]) -> String {
    let words: Vec<String> = command.iter().map(|word| shell_quoted(word)).collect();
    words.join(" ")
}

/// A word as a shell reads it: in quotes where it has to be.
pub fn shell_quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_=./:,+@%".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
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
    fn a_job_is_its_command_in_place_of_the_shell() {
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
    fn a_task_of_an_array_runs_its_own_command_and_no_other() {
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
    fn dependencies_are_one_option_or_none() {
        assert_eq!(after_ok([0; 0]), None);
        assert_eq!(after_ok(["12", "13_4"]).as_deref(), Some("afterok:12:13_4"));
    }
}
