//! An activity that does what harm its setting `Evil` tells it to, at any point of
//! its life.

use std::hint::black_box;
use std::time::Duration;

use tureen_plugin_sdk::prelude::*;

struct Hostile {
    evil: String,
    kept: Vec<Message>,
    memory: Vec<Vec<u8>>,
}

impl Configure for Hostile {
    fn configure(settings: &Settings, placement: &Placement) -> Result<Self, Findings> {
        let evil = settings.text("Evil")?.unwrap_or_default();
        let step = Self { evil, kept: Vec::new(), memory: Vec::new() };
        step.at("configure");
        match step.evil.as_str() {
            "configure-memory" => {
                let mut taken = Vec::new();
                loop {
                    taken.push(black_box(vec![1_u8; 1 << 20]));
                }
            }
            "findings" => {
                let mut findings = Findings::default();
                for _ in 0..20_000 {
                    findings.push(settings.error("Evil", "test.flood", "one of many"));
                }
                Err(findings)
            }
            "long-findings" => {
                let forged = format!("one\nerror[WF000]: forged\n{}", "f".repeat(1 << 20));
                Err(settings.error("Evil", "test.long", forged).into())
            }
            "warnings" => {
                for _ in 0..2_000 {
                    placement.warn(settings.problem("Evil", "test.warning", "a warning"));
                }
                Ok(step)
            }
            _ => Ok(step),
        }
    }
}

impl Hostile {
    /// Does what is meant for this moment.
    fn at(&self, moment: &str) {
        match self.evil.strip_prefix(moment) {
            Some("-panic") => panic!("in {moment}"),
            Some("-loop") => loop {
                black_box(moment.len());
            },
            Some("-sleep") => std::thread::sleep(Duration::from_secs(3_600)),
            _ => {}
        }
    }
}

impl Activity for Hostile {
    fn open(&mut self, _context: &Context) -> Result<(), Problem> {
        self.at("open");
        match self.evil.as_str() {
            "open-error" => Err(Problem::new("test.closed", "the peer is away")),
            _ => Ok(()),
        }
    }

    fn process(
        &mut self,
        _context: &Context,
        message: &Message,
    ) -> Result<Option<Message>, StepError> {
        self.at("process");
        match self.evil.as_str() {
            "keep-messages" => {
                let text = format!("MSH|^~\\&|A\rNTE|1||{}\r", "x".repeat(8 << 20));
                self.kept.push(Message::parse(Format::Hl7, text.as_bytes())?);
                Ok(None)
            }
            "keep-memory" => {
                self.memory.push(vec![0x5a; 8 << 20]);
                Ok(None)
            }
            "answer-back" => {
                let own = Message::parse(Format::Hl7, &message.bytes())?;
                Ok(Some(own))
            }
            "failed" => Err(StepError::failed("test.failed", "it cannot be done")),
            _ => Ok(None),
        }
    }

    fn all_succeeded(&mut self, _context: &Context) {
        self.at("all-succeeded");
    }

    fn roll_back(&mut self, _context: &Context) {
        self.at("roll-back");
    }

    fn close(&mut self, _context: &Context) {
        self.at("close");
    }
}

tureen_plugin_sdk::activity!(Hostile, handles = ["Test.HostileActivitySetting"]);
