// The batches of a stream, one behind the other: while one trains, the next is filled.
#pragma once

#include "ir/thread.h"
#include "runtime/data_set.h"
#include "runtime/session.h"

#include <array>
#include <condition_variable>
#include <exception>
#include <mutex>

namespace nnc {

class BatchReader {
public:
  struct Batch {
    Split split;                             // of the size of a whole batch
    std::vector<NamedTensor const*> columns; // that bind to the inputs of the program
    i64 rows = 0;
  };

  // Reads the batches `first`, `first` + 1, ... of an epoch (0: of an evaluation), at most `most` of them.
  BatchReader(SessionState const&, DataContents const&, i64 batch, i64 epoch, i64 first, std::optional<i64> most);
  ~BatchReader();
  BatchReader(BatchReader const&) = delete;
  BatchReader& operator=(BatchReader const&) = delete;

  // Waits for the batch that comes next, and keeps it until the next call; null when the epoch has ended, or the
  // session was cancelled. Throws what the stream threw.
  Batch const* next();
  // Waits for it as well, and says whether there is none.
  bool at_end();
  bool was_last() const { return ended_; }         // was the batch of next() the last one, as far as is known
  i32 const* rows() const { return rows_.data(); } // 0, 1, 2, ...

private:
  enum class Stage { free, filled, last }; // last: there is no batch behind this one; without rows: not even this one
  struct Slot {
    Batch batch;
    std::vector<Buffer> buffers;
    Stage stage = Stage::free;
  };
  void serve();
  void fill(Slot&);
  i64 rows_from_stream(Slot&);
  Slot* wait(); // for the next slot to be filled; null when cancelled

  SessionState const& state_;
  DataContents const& data_;
  i64 size_, epoch_, number_; // number_: of the batch that is filled next
  std::optional<i64> left_;   // batches that may still be asked for
  std::vector<i32> rows_;
  std::array<Slot, 2> slots_;
  size_t writing_ = 0, reading_ = 0;
  bool holds_ = false; // the slot in front of `reading_` is in the hands of the caller
  bool closing_ = false, ended_ = false;
  std::exception_ptr failure_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Thread thread_;
};

} // namespace nnc
