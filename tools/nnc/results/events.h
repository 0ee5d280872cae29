// Event files as TensorBoard reads them: records with checksums, in each a message of Protocol Buffers.
//
// A record is its length (8 bytes), a checksum of the length, the bytes, a checksum of the bytes. The messages are
// `Event` and `Summary` of TensorFlow, of which the few fields that are written here stand in
// tests/results/event.proto.
#pragma once

#include "tools/nnc/output.h"
#include "tools/nnc/results/picture.h"

#include <string>
#include <string_view>
#include <vector>

namespace command {

// CRC-32C, rotated and shifted as the format has it, so that a checksum of a text with checksums is none of theirs.
std::uint32_t masked_crc(std::string_view bytes);

class Events {
public:
  // A new file in this folder, which is made if need be. Throws nnc::Failure.
  void open(std::string const& folder);
  bool is_open() const { return file_.is_open(); }
  // Each writes a record at once. False: it is missing, and `trouble` says why.
  bool scalar(std::string const& tag, std::int64_t step, double value);
  bool picture(std::string const& tag, std::int64_t step, Picture const&);
  bool text(std::string const& tag, std::int64_t step, std::string const& markdown);
  std::string const& trouble() const { return file_.trouble(); }

private:
  bool value(std::int64_t step, std::string const& value);
  bool record(std::string const& event);
  Growing file_;
};

} // namespace command
