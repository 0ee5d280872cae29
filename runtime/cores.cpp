#include "runtime/cores.h"

#include "ir/basic.h"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sched.h>
#include <string>

#include <algorithm>

namespace nnc {
namespace {

// 0 for what is no number.
f64 number(std::string_view text) {
  f64 value = 0;
  auto const* end = text.data() + text.size();
  auto const [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc{} && stop == end ? value : 0;
}

std::string first_line(std::filesystem::path const& file) {
  std::string line;
  std::ifstream in(file);
  std::getline(in, line);
  return line;
}

// Processors by the quota of one group; nothing where there is none.
std::optional<f64> quota_of(std::filesystem::path const& group) {
  auto const limit = first_line(group / "cpu.max"); // "200000 100000" or "max 100000"
  auto const blank = limit.find(' ');
  auto quota = number(limit.substr(0, blank));
  auto period = blank == std::string::npos ? 0 : number(limit.substr(blank + 1));
  if (limit.empty()) { // version 1 of control groups
    quota = number(first_line(group / "cpu.cfs_quota_us"));
    period = number(first_line(group / "cpu.cfs_period_us"));
  }
  if (quota <= 0 || period <= 0) return std::nullopt;
  return quota / period;
}

// A line of /proc/self/cgroup is "0::/path" or, in version 1, "4:cpu,cpuacct:/path".
std::optional<std::filesystem::path> group_in(std::string const& line) {
  auto const first = line.find(':'), second = line.find(':', first + 1);
  if (second == std::string::npos) return std::nullopt;
  auto const controllers = "," + line.substr(first + 1, second - first - 1) + ",";
  auto const path = line.substr(second + 1);
  std::filesystem::path const root = "/sys/fs/cgroup";
  if (controllers == ",,") return root / path.substr(path.starts_with('/'));
  if (controllers.find(",cpu,") == std::string::npos) return std::nullopt;
  return root / "cpu" / path.substr(path.starts_with('/'));
}

// The least quota of the groups of this process and of those around them.
std::optional<f64> least_quota() {
  std::optional<f64> least;
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);)
    if (auto group = group_in(line))
      for (; group->string().size() > std::string("/sys/fs").size(); *group = group->parent_path())
        if (auto const quota = quota_of(*group)) least = std::min(least.value_or(*quota), *quota);
  return least;
}

} // namespace

int core_count() {
  cpu_set_t set;
  int const allowed = ::sched_getaffinity(0, sizeof set, &set) == 0 ? std::max(1, CPU_COUNT(&set)) : 1;
  auto const quota = least_quota();
  return quota && *quota < allowed ? std::max(1, static_cast<int>(*quota + 0.999)) : allowed;
}

int most_threads() { return std::max(64, 4 * core_count()); }

} // namespace nnc
