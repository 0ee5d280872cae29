// What goes to standard output or into files: dumps, machine code, the log.
#pragma once

#include "nnc/nnc.hpp"

#include <string>
#include <string_view>

namespace command {

// Writes to the file, or to standard output when there is none. Throws nnc::Failure when it cannot; a reader of
// standard output who has gone is no failure.
void write_output(std::string const& file, std::string const& content);
// Throws nnc::Failure when write_output to this file could not: before work that must not end so.
void expect_writable(std::string const& file);

// The log of a training: one JSON object per line, written at once. A line that cannot be written is missing; training
// is worth more than its log.
class Log {
public:
  Log() = default;
  ~Log();
  Log(Log const&) = delete;
  Log& operator=(Log const&) = delete;
  void open(std::string const& file); // throws nnc::Failure
  bool write(nnc::Milestone const&);  // false: the line is missing, and `trouble` says why
  // The last line: where the training ended, and what was measured over the test examples.
  bool write_test(nnc::Trained const&, nnc::Reports const&);
  std::string const& trouble() const { return trouble_; }

private:
  bool put(std::string_view text);
  int file_ = -1;
  std::string name_, trouble_;
};

} // namespace command
