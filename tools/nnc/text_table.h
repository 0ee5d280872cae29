// Tables on a screen.
#pragma once

#include <algorithm>
#include <fmt/core.h>
#include <string>
#include <vector>

namespace command {

// Rows of columns under a heading; numbers stand at the right of theirs.
class TextTable {
public:
  TextTable(std::vector<std::string> heads, std::string numbers) : numbers_(std::move(numbers)) { add(std::move(heads)); }
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  size_t size() const { return rows_.size() - 1; }
  std::string text() const {
    std::vector<size_t> widths(numbers_.size());
    for (auto const& row : rows_)
      for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    std::string out;
    for (size_t r = 0; r < rows_.size(); ++r) {
      std::string line;
      for (size_t i = 0; i < rows_[r].size(); ++i) {
        auto const gap = i == 0 ? "" : "  ";
        line += numbers_[i] == 'n' ? fmt::format("{}{:>{}}", gap, rows_[r][i], widths[i])
                                   : fmt::format("{}{:<{}}", gap, rows_[r][i], widths[i]);
      }
      line.erase(line.find_last_not_of(' ') + 1);
      out += line + "\n";
    }
    return out;
  }

private:
  std::string numbers_; // per column 'n' or 't'
  std::vector<std::vector<std::string>> rows_;
};

} // namespace command
