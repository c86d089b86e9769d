//! An HTML page with the timeline of a run on a cluster: a row for each node, a bar for each run of a job,
//! from the events that the jobs recorded.

use std::collections::BTreeMap;

use artifact::format;
use maud::{Markup, html};
use pages::{CsvDownload, Page, Scale, Size, figure_with_csv, label, px, section};
use slurm::{Event, EventKind};

/// Height of a bar with the space below it, in pixels.
const LANE: f64 = 18.0;

/// Space between two nodes, and space for the time axis, in pixels.
const GAP: f64 = 8.0;
const AXIS: f64 = 26.0;

/// Width of the picture and its margins, in pixels.
const WIDTH: f64 = 1000.0;
const LEFT: f64 = 90.0;
const RIGHT: f64 = 24.0;

/// Approximate number of labels on the time axis.
const TICKS: usize = 10;

/// One run of a job: from its start to the next recorded event.
#[derive(Clone, Debug, PartialEq)]
struct Run {
    step: String,
    node: String,
    /// Seconds since the first start of all runs.
    from: f64,
    to: f64,
    end: End,
}

/// How a run ended, and the colour of its bar.
type End = (&'static str, &'static str);

const DONE: End = ("done", "#4c8f5f");
const REQUEUED: End = ("requeued", "#d79a2b");
const LOST: End = ("lost", "#c0483f");
const FAILED: End = ("failed", "#c0483f");
const STOPPED: End = ("stopped", "#8a8a8a");
const RUNNING: End = ("running", "#4577b5");

/// The page, or `None` if no job was started since `since`, in seconds since 1970-01-01 UTC. Runs that have
/// not ended are drawn until `now`.
pub(crate) fn page(events: &BTreeMap<String, Vec<Event>>, since: f64, now: f64) -> Option<String> {
    let runs = runs(events, since, now);
    if runs.is_empty() {
        return None;
    }
    let again = runs.iter().filter(|it| [REQUEUED, LOST].contains(&it.end));
    let again = format::plural(again.count() as u64, "run was", "runs were");
    let seconds = runs.iter().map(|run| run.to).fold(0.0, f64::max);
    let count = format::plural(runs.len() as u64, "run", "runs");
    let steps = format::plural(events.len() as u64, "step", "steps");
    let nodes = format::plural(nodes(&runs).len() as u64, "node", "nodes");
    let time = format::seconds(seconds);
    let summary = format!("{count} of {steps} on {nodes} in {time}; {again} requeued or lost.");
    let seconds_of = |time: f64| format!("{time:.1}");
    let numbers = CsvDownload::new("timeline", &runs)
        .column("step", |run| &run.step)
        .column("node", |run| &run.node)
        .column("from", |run| seconds_of(run.from))
        .column("to", |run| seconds_of(run.to))
        .column("end", |run| run.end.0);
    let caption = "Each bar is one run of a job; its colour shows how the run ended.";
    let picture = picture(&runs, seconds, &summary);
    let timeline = html! {
        (legend())
        (figure_with_csv(picture, caption, numbers))
    };
    let page = Page {
        title: "Jobs of Ressenti",
        heading: "Jobs",
        subtitle: &summary,
        links: &[],
        main: section("timeline", "Timeline", timeline),
    };
    Some(page.render())
}

fn runs(events: &BTreeMap<String, Vec<Event>>, since: f64, now: f64) -> Vec<Run> {
    let mut runs = Vec::new();
    for (step, events) in events {
        let mut events = events.iter().filter(|event| event.time >= since).peekable();
        while let Some(start) = events.next() {
            if !matches!(start.kind, EventKind::Started { .. }) {
                continue;
            }
            let next = events.peek();
            let end = match next.map(|event| &event.kind) {
                None => RUNNING,
                // A second start without an end means that the earlier run was lost.
                Some(EventKind::Started { .. }) => LOST,
                Some(EventKind::Requeued { .. }) => REQUEUED,
                Some(EventKind::Stopped) => STOPPED,
                Some(EventKind::Ended { code: 0, .. }) => DONE,
                Some(EventKind::Ended { .. }) => FAILED,
            };
            runs.push(Run {
                step: step.clone(),
                node: start.node.clone(),
                from: start.time,
                to: next.map_or(now, |event| event.time).max(start.time),
                end,
            });
        }
    }
    runs.sort_by(|one, other| one.from.total_cmp(&other.from));
    let first = runs.first().map_or(0.0, |run| run.from);
    for run in &mut runs {
        run.from -= first;
        run.to -= first;
    }
    runs
}

/// Nodes, each with its runs in lanes without overlaps.
fn nodes(runs: &[Run]) -> BTreeMap<&str, Vec<Vec<&Run>>> {
    let mut nodes: BTreeMap<&str, Vec<Vec<&Run>>> = BTreeMap::new();
    for run in runs {
        let lanes = nodes.entry(&run.node).or_default();
        let free = |lane: &&mut Vec<&Run>| lane.last().is_none_or(|last| last.to <= run.from);
        match lanes.iter_mut().find(free) {
            Some(lane) => lane.push(run),
            None => lanes.push(vec![run]),
        }
    }
    nodes
}

fn picture(runs: &[Run], seconds: f64, description: &str) -> Markup {
    let nodes = nodes(runs);
    let lanes: usize = nodes.values().map(Vec::len).sum();
    let bottom = lanes as f64 * LANE + nodes.len() as f64 * GAP;
    let times = Scale::new((0.0, seconds.max(1.0)), (LEFT, WIDTH - RIGHT));
    let (mut names, mut bars) = (Vec::new(), Vec::new());
    let mut top = 0.0;
    for (node, lanes) in nodes {
        names.push(label((LEFT - 8.0, top + LANE - 5.0), "end", None, node));
        for lane in lanes {
            bars.extend(lane.iter().map(|run| bar(&times, run, top)));
            top += LANE;
        }
        top += GAP;
    }
    let content = html! {
        @for bar in bars { (bar) }
        g.ticks {
            @for (tick, text) in times.ticks(TICKS) {
                (label((times.position(tick), bottom + 18.0), "middle", None, format!("{text} s")))
            }
            @for name in names { (name) }
        }
    };
    // The full width of the page, because a long run may have short jobs.
    let size = Size::Full(WIDTH, bottom + AXIS);
    let title = "Runs of jobs by node";
    pages::picture("timeline-picture", title, [description], size, content)
}

fn bar(times: &Scale, run: &Run, top: f64) -> Markup {
    let (left, right) = (times.position(run.from), times.position(run.to));
    let Run { step, node, .. } = run;
    let (from, to, end) = (run.from, run.to, run.end.0);
    let title = format!("{step} on {node}: {from:.1} to {to:.1} s, {end}");
    // A gap of one pixel separates consecutive runs.
    let width = (right - left - 1.0).max(1.5);
    html! {
        rect x=(px(left)) y=(px(top + 2.0)) width=(px(width)) height=(px(LANE - 4.0)) rx="2"
            fill=(run.end.1) { title { (title) } }
    }
}

fn legend() -> Markup {
    html! {
        p {
            @for (text, colour) in [DONE, REQUEUED, LOST, STOPPED, RUNNING] {
                @let square = "display: inline-block; width: 12px; height: 12px; background: ";
                span style=(format!("{square}{colour}")) {} " " (text) "   "
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use slurm::TaskId;

    use super::*;

    fn event(time: f64, node: &str, kind: EventKind) -> Event {
        Event {
            time,
            job: TaskId { job: 1, task: None },
            node: node.to_owned(),
            kind,
        }
    }

    fn started() -> EventKind {
        EventKind::Started { process: 1 }
    }

    fn ended(code: u8) -> EventKind {
        EventKind::Ended {
            code,
            reason: String::new(),
        }
    }

    #[test]
    fn a_run_lasts_from_its_start_to_the_next_event() {
        let requeued = EventKind::Requeued {
            reason: "time limit".to_owned(),
            fault: false,
        };
        let events = BTreeMap::from([
            (
                "train a".to_owned(),
                vec![
                    event(5.0, "node1", ended(0)),
                    event(10.0, "node1", started()),
                    event(20.0, "node1", requeued),
                    event(30.0, "node2", started()),
                    // The earlier run was lost with its node.
                    event(50.0, "node1", started()),
                    event(60.0, "node1", ended(0)),
                ],
            ),
            ("train b".to_owned(), vec![event(15.0, "node1", started())]),
        ]);
        let found: Vec<_> = runs(&events, 8.0, 70.0)
            .into_iter()
            .map(|run| (run.step, run.node, run.from, run.to, run.end))
            .collect();
        let expected = [
            ("train a", "node1", 0.0, 10.0, REQUEUED),
            ("train b", "node1", 5.0, 60.0, RUNNING),
            ("train a", "node2", 20.0, 40.0, LOST),
            ("train a", "node1", 40.0, 50.0, DONE),
        ];
        assert_eq!(
            found,
            expected.map(|(step, node, from, to, end)| (
                step.to_owned(),
                node.to_owned(),
                from,
                to,
                end
            ))
        );
        let runs = runs(&events, 8.0, 70.0);
        assert_eq!(
            nodes(&runs)["node1"].len(),
            2,
            "two at the same time are two lanes"
        );
        let page = page(&events, 8.0, 70.0).expect("there are runs");
        assert!(
            page.contains("4 runs of 2 steps on 2 nodes in 60 s; 2 runs were requeued or lost."),
            "{page}"
        );
        assert_eq!(super::page(&events, 100.0, 200.0), None);
    }
}
