// The end of a profiled run: its trace in the run's folder, its figures as an event.

import { join } from 'node:path';
import { writeFileAtomic } from '../checkpoint/atomic.js';
import { RunError } from '../errors.js';
import type { Arena } from '../memory/arena.js';
import type { ProfileEvent } from '../report/events.js';
import { phaseTimes } from '../report/profile-table.js';
import { chromeTrace } from '../report/profile-trace.js';
import type { RunLayout } from '../train/layout.js';
import { readProfile } from '../train/profile.js';
import { PROFILE_FILE } from './run-folder.js';

/** @param onNotice hears why there is no trace; the run is not lost for that */
export function reportProfile(
  { arena, layout }: { readonly arena: Arena; readonly layout: RunLayout },
  { out, step }: { readonly out: string; readonly step: number },
  onNotice: (message: string) => void,
): ProfileEvent {
  const profile = readProfile(arena, layout);
  const path = join(out, PROFILE_FILE);
  const event: Omit<ProfileEvent, 'path'> = { event: 'profile', step, workers: phaseTimes(profile) };
  try {
    writeFileAtomic(path, chromeTrace(profile));
    return { ...event, path };
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    onNotice(error.message);
    return { ...event, path: null };
  }
}
