// Fields and lines of a CSV file.
#pragma once

#include <string>
#include <vector>

namespace command {

// In quotes where it holds a comma, a quote or the end of a line.
std::string csv_field(std::string const& text);
std::string csv_line(std::vector<std::string> const& fields);

} // namespace command
