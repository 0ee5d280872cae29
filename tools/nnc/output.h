// What goes to standard output or into files: dumps, machine code, outputs of a network, the log.
#pragma once

#include "runtime/nnc.h"

#include <cstdio>
#include <string>
#include <vector>

namespace command {

// Writes to the file, or to standard output when there is none. Throws nnc::Failure when it cannot.
void write_output(std::string const& file, std::string const& content);

// A line of JSON for each example: {"probs": [0.1, ...]}; outputs without examples in front come in a last line.
std::string json_lines(std::vector<nnc::Array> const&, std::int64_t examples);
// The outputs as a safetensors file.
std::string safetensors(std::vector<nnc::Array> const&);

// The log of a training: one JSON object per line, written at once.
class Log {
public:
  Log() = default;
  ~Log();
  Log(Log const&) = delete;
  Log& operator=(Log const&) = delete;
  void open(std::string const& file);
  void write(nnc::Milestone const&);

private:
  std::FILE* file_ = nullptr;
  std::string name_;
};

} // namespace command
