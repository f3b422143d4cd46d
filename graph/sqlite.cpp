#include "graph/sqlite.h"

namespace heartbeat::sqlite {

Database::Database(const std::string& path, int flags) {
  const int code = sqlite3_open_v2(path.c_str(), &db_, flags, nullptr);
  if (code == SQLITE_OK) {
    sqlite3_extended_result_codes(db_, 1);
    sqlite3_busy_timeout(db_, 10'000);
    return;
  }
  const Error error(code, db_ ? sqlite3_errmsg(db_) : "out of memory");
  sqlite3_close_v2(std::exchange(db_, nullptr));  // a throwing constructor runs no destructor
  throw error;
}

void Database::execute(const std::string& sql) {
  const int code = sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) throw Error(code, sqlite3_errmsg(db_));
}

Statement::Statement(Database& db, std::string_view sql) {
  const int code = sqlite3_prepare_v2(db.get(), sql.data(), int(sql.size()), &statement_, nullptr);
  if (code != SQLITE_OK) throw Error(code, sqlite3_errmsg(db.get()));
}

void Statement::check(int code) const {
  if (code != SQLITE_OK) throw Error(code, sqlite3_errmsg(sqlite3_db_handle(statement_)));
}

bool Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  const Error error(code, sqlite3_errmsg(sqlite3_db_handle(statement_)));
  sqlite3_reset(statement_);
  throw error;
}

void Statement::reset() {
  sqlite3_reset(statement_);
}

std::string Statement::text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return text ? std::string(text, sqlite3_column_bytes(statement_, column)) : std::string();
}

std::span<const std::uint8_t> Statement::blob(int column) const {
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, column));
  if (!data && sqlite3_errcode(sqlite3_db_handle(statement_)) == SQLITE_NOMEM) throw std::bad_alloc();
  return {data, data ? std::size_t(sqlite3_column_bytes(statement_, column)) : 0};
}

}  // namespace heartbeat::sqlite
