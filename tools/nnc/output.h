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

// A file that grows by pieces, each written at once and whole or not at all.
class Growing {
public:
  Growing() = default;
  ~Growing();
  Growing(Growing const&) = delete;
  Growing& operator=(Growing const&) = delete;
  void open(std::string const& file); // what is there stays in front; throws nnc::Failure
  bool is_open() const { return file_ >= 0; }
  bool put(std::string_view piece); // false: it is missing, and `trouble` says why
  std::string const& trouble() const { return trouble_; }

private:
  int file_ = -1;
  std::string name_, trouble_;
};

// The log of a training: one JSON object per line, written at once. A line that cannot be written is missing; training
// is worth more than its log.
class Log {
public:
  void open(std::string const& file) { file_.open(file); } // throws nnc::Failure
  bool write(nnc::Milestone const&);                       // false: the line is missing, and `trouble` says why
  // The last line: where the training ended, and what was measured over the test examples.
  bool write_test(nnc::Trained const&, nnc::Reports const&);
  std::string const& trouble() const { return file_.trouble(); }

private:
  Growing file_;
};

} // namespace command
