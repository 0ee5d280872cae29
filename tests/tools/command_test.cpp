// How the command is linked: nothing shared but libc and libm, at a fixed address, and small once it is stripped.
#include <doctest/doctest.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <sstream>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

// Standard output of a command of the shell, in lines.
std::vector<std::string> lines_of(std::string const& command) {
  std::vector<std::string> lines;
  FILE* const pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe);
  std::string text;
  std::array<char, 4096> buffer;
  while (auto const count = std::fread(buffer.data(), 1, buffer.size(), pipe)) text.append(buffer.data(), count);
  REQUIRE(::pclose(pipe) == 0);
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

} // namespace

TEST_CASE("the command links nothing shared but libc and libm") {
  auto const lines = lines_of("readelf -d '" NNC_COMMAND "'");
  int needed = 0;
  for (auto const& line : lines) {
    if (line.find("(NEEDED)") == std::string::npos) continue;
    ++needed;
    auto const name = line.substr(line.find('['));
    CHECK_MESSAGE((name == "[libc.so.6]" || name == "[libm.so.6]" || name.starts_with("[ld-linux")), name);
  }
  CHECK(needed > 0);
}

TEST_CASE("the command is loaded at a fixed address") {
  auto const lines = lines_of("readelf -h '" NNC_COMMAND "'");
  bool fixed = false;
  for (auto const& line : lines)
    fixed = fixed || (line.find("Type:") != std::string::npos && line.find("EXEC") != std::string::npos);
  CHECK(fixed);
}

// The limit is the one that the project promises for the stripped command.
TEST_CASE("the stripped command has at most 45 MB") {
  auto const stripped = std::filesystem::temp_directory_path() / ("nnc-stripped-" + std::to_string(::getpid()));
  lines_of("strip -o '" + stripped.string() + "' '" NNC_COMMAND "'");
  CHECK(std::filesystem::file_size(stripped) <= 45'000'000);
  std::filesystem::remove(stripped);
}
