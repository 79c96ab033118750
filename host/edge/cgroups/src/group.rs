use std::{os::fd::AsRawFd as _, path::PathBuf, sync::Arc};

use mezzo_linux::{eventfd::EventFd, pidfd::PidFd};
use mezzo_model::container::Limits;
use mezzo_proto::mesos::v1::ResourceStatistics;

use crate::{CgroupError, Kind, root::Seat, v1};

/// The control groups of one container.
#[derive(Debug)]
pub struct Group {
    seats: Arc<Vec<Seat>>,
    name: String,
    /// Which of `seats` have a group of this name.
    made: Vec<usize>,
}

/// How much memory a container may have and has had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryUsage {
    /// The hard limit.
    pub limit_bytes: u64,
    /// The most that was ever used.
    pub used_bytes_max: u64,
    /// `memory.stat`, as it is.
    pub statistics: String,
}

impl Group {
    pub(crate) fn make(seats: Arc<Vec<Seat>>, name: &str, limits: &Limits) -> Result<Self, CgroupError> {
        let is_missing = |kind: &Kind| kind.is_needed(limits) && !seats.iter().any(|seat| seat.kind == *kind);
        if let Some(kind) = Kind::ALL.into_iter().find(is_missing) {
            return Err(CgroupError::NotUsed { kind });
        }
        let mut group = Self { seats: seats.clone(), name: name.to_owned(), made: Vec::new() };
        for (at, seat) in seats.iter().enumerate().filter(|(_, seat)| seat.kind.is_needed(limits)) {
            let done = seat.place.make(name).and_then(|()| {
                group.made.push(at);
                seat.controller.set(&seat.place, name, limits)
            });
            if let Err(error) = done {
                // Nobody is in there yet.
                let _ = group.remove();
                return Err(error);
            }
        }
        Ok(group)
    }

    pub(crate) fn find(seats: Arc<Vec<Seat>>, name: &str) -> Self {
        let made = (0..seats.len()).filter(|&at| seats[at].place.has(name)).collect();
        Self { seats, name: name.to_owned(), made }
    }

    /// The files into which a process writes `0` to enter all of them.
    pub fn entrances(&self) -> impl Iterator<Item = PathBuf> + '_ {
        self.seats().map(|seat| seat.place.path_of(&format!("{}/tasks", self.name)))
    }

    /// Whether one of them is `kind`'s.
    pub fn has(&self, kind: Kind) -> bool {
        self.seat(kind).is_some()
    }

    /// Whether there is none at all.
    pub fn is_empty(&self) -> bool {
        self.made.is_empty()
    }

    /// Changes the limits while processes live here. The hard memory limit is only ever raised.
    ///
    /// # Errors
    /// When the kernel refuses one; those before it are set.
    pub fn change(&self, limits: &Limits) -> Result<(), CgroupError> {
        for seat in self.seats().filter(|seat| seat.kind.is_needed(limits)) {
            seat.controller.change(&seat.place, &self.name, limits)?;
        }
        Ok(())
    }

    /// A counter that counts each time memory runs out here; `None` where memory is not limited.
    ///
    /// # Errors
    /// When the kernel does not give such news.
    pub fn out_of_memory_events(&self) -> Result<Option<EventFd>, CgroupError> {
        let Some(seat) = self.seat(Kind::Memory) else { return Ok(None) };
        let failed = |source| CgroupError::Io { verb: "watch", path: seat.place.path_of(&self.name), source };
        let events = EventFd::new().map_err(failed)?;
        let control = seat.place.open_file(&format!("{}/memory.oom_control", self.name))?;
        let wish = format!("{} {}", events.as_raw_fd(), control.as_raw_fd());
        seat.place.write(&format!("{}/cgroup.event_control", self.name), &wish)?;
        Ok(Some(events))
    }

    /// Whether the kernel has killed somebody here for want of memory. The news of it come earlier than this.
    pub fn has_run_out_of_memory(&self) -> bool {
        self.seat(Kind::Memory).is_some_and(|seat| v1::memory::has_run_out(&seat.place, &self.name))
    }

    /// How much memory there was and is; `None` where it is not limited.
    pub fn memory_usage(&self) -> Option<MemoryUsage> {
        let seat = self.seat(Kind::Memory)?;
        v1::memory::usage(&seat.place, &self.name)
    }

    /// What was and is used in here, as far as the controllers that there are count it; the timestamp and
    /// what was allowed are the caller's to add. Reads a few files of the kernel's, and waits for no disk.
    pub fn statistics(&self) -> ResourceStatistics {
        let mut statistics = ResourceStatistics::default();
        let name = &self.name;
        if let Some(seat) = self.seat(Kind::Freezer)
            && let Some((processes, threads)) = v1::freezer::count(&seat.place, name)
        {
            (statistics.processes, statistics.threads) = (Some(processes), Some(threads));
        }
        // Mounted together, one directory is both.
        if let Some(seat) = self.seat(Kind::CpuAccount).or(self.seat(Kind::Cpu))
            && let Some((user, system)) = v1::cpuacct::used(&seat.place, name)
        {
            (statistics.cpus_user_time_secs, statistics.cpus_system_time_secs) = (Some(user), Some(system));
        }
        if let Some(seat) = self.seat(Kind::Cpu) {
            v1::cpu::measure(&seat.place, name, &mut statistics);
        }
        if let Some(seat) = self.seat(Kind::Memory) {
            v1::memory::measure(&seat.place, name, &mut statistics);
        }
        statistics
    }

    /// Kills every process in here; says whether there was any. Stopped by the freezer they cannot fork away,
    /// and those that are still there are found by the next call.
    ///
    /// # Errors
    /// When the group cannot be read or written.
    pub fn kill(&self) -> Result<bool, CgroupError> {
        let Some(seat) = self.seat(Kind::Freezer) else { return Ok(false) };
        let mut any = false;
        for group in v1::freezer::tree(&seat.place, &self.name)? {
            let processes = || v1::freezer::processes(&seat.place, &group);
            if processes()?.is_empty() {
                continue;
            }
            any = true;
            v1::freezer::set_frozen(&seat.place, &group, true)?;
            let held: Vec<_> =
                processes()?.into_iter().filter_map(|pid| Some((pid, PidFd::of(pid).ok()?))).collect();
            // One that ended before it was held may have left its number to a stranger: only who is here still
            // is killed.
            let here = processes()?;
            held.iter().filter(|(pid, _)| here.contains(pid)).for_each(|(_, process)| process.kill());
            v1::freezer::set_frozen(&seat.place, &group, false)?;
        }
        Ok(any)
    }

    /// Removes the groups. `Ok(false)`: something lives there still; kill and try again.
    ///
    /// # Errors
    /// When the kernel refuses for another reason.
    pub fn remove(&mut self) -> Result<bool, CgroupError> {
        let mut left = Vec::new();
        for &at in &self.made {
            let seat = &self.seats[at];
            if !seat.place.remove(&self.name)? && !remove_tree(seat, &self.name)? {
                left.push(at);
            }
        }
        self.made = left;
        Ok(self.made.is_empty())
    }

    fn seats(&self) -> impl Iterator<Item = &Seat> {
        self.made.iter().map(|&at| &self.seats[at])
    }

    fn seat(&self, kind: Kind) -> Option<&Seat> {
        self.seats().find(|seat| seat.kind == kind)
    }
}

/// A task that is root may have made groups of its own below.
fn remove_tree(seat: &Seat, name: &str) -> Result<bool, CgroupError> {
    // From the leaves up.
    for group in v1::freezer::tree(&seat.place, name)?.iter().rev() {
        if !seat.place.remove(group)? {
            return Ok(false);
        }
    }
    Ok(true)
}
