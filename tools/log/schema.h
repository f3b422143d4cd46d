// Tables of run.db, format version 1. A public interface: people query them. Rows are only ever inserted.
//
// A resumed run raises the generation and leaves a note ("resume", step of its checkpoint). Rows of an older generation
// count up to that step only, and for a row present twice the higher generation wins.
#pragma once

namespace heartbeat {

inline constexpr const char* kSchema = R"(
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE tensor (id INTEGER PRIMARY KEY, name TEXT, shape TEXT, dtype TEXT, aliases TEXT, trainable INTEGER,
                     optimizer_group TEXT, module_path TEXT);
-- wall_time: seconds since 1970; learning_rates: a JSON list, one per optimizer group
CREATE TABLE step (step INTEGER, wall_time REAL, epoch REAL, learning_rates TEXT, clip_factor REAL, loss_scale REAL,
                   skipped INTEGER, generation INTEGER);
-- quantity: 0 parameter, 1 gradient, 2 update, 3 clipped gradient, 4 activation, 5 its gradient
-- min .. abs_sum over finite values, NULL where there are none; bins: varint pairs (gap, count), see tools/log/bins.h
CREATE TABLE watch (step INTEGER, last_step INTEGER, tensor INTEGER, quantity INTEGER, numel INTEGER, min REAL, max REAL,
                    sum REAL, sumsq REAL, abs_sum REAL, zero INTEGER, nan INTEGER, pinf INTEGER, ninf INTEGER, bins BLOB,
                    generation INTEGER);
-- class: 0 finite, 1 NaN, 2 +Inf, 3 -Inf; value is NULL unless finite
CREATE TABLE scalar (step INTEGER, name TEXT, value REAL, class INTEGER, generation INTEGER);
CREATE TABLE alert (rule TEXT, severity TEXT, tensor TEXT, first_step INTEGER, step INTEGER, value REAL, "limit" REAL,
                    text TEXT, fixes TEXT, generation INTEGER);
-- samples: height x width bytes, 0 black
CREATE TABLE image (step INTEGER, name TEXT, width INTEGER, height INTEGER, samples BLOB, generation INTEGER);
CREATE TABLE note (step INTEGER, key TEXT, value TEXT, generation INTEGER);
)";

}  // namespace heartbeat
