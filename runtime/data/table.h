// Tables: rows of cells, however they are written, become columns of numbers.
#pragma once

#include "runtime/data/reading.h"

namespace nnc {

struct TableCell {
  std::string_view text;
  bool is_text = false; // never a number, whatever it looks like
};

// Cells that follow each other and are one column: f32[examples, extents...].
struct TableVector {
  std::string name;
  size_t first = 0;
  std::vector<i64> extents;
};

// The rows of a file, which can be gone through again and again. Every row has a cell for each name, or is an Error.
class TableRows {
public:
  virtual ~TableRows() = default;
  virtual std::string const& file() const = 0; // as errors call it
  virtual std::vector<std::string> const& names() const = 0;
  virtual void restart() = 0;
  virtual bool next() = 0;
  virtual TableCell cell(size_t place) const = 0; // valid until next()
  virtual i64 line() const = 0;
  virtual std::vector<TableVector> vectors() const { return {}; } // all others are columns of their own
};

// Which columns are asked for is in the reading: its item and the options target, drop, categories, missing. `how`
// names the reader and the options that its rows obey, for the cache of what is decoded.
Dataset read_rows(TableRows&, Reading const&, char decimal, std::string const& how);

} // namespace nnc
