# meteorits: softmax gate and experts that are polynomials in one column; its own random start.
folder <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
source(file.path(folder, "driver.R"))

fit <- function(job) {
  emNMoE(
    X = job$x[, 1], Y = job$y, K = job$n_experts,
    p = length(job$expert_columns), q = length(job$gate_columns)
  )
}

# The first of some fields that an object has: their names differ between versions.
known <- function(object, names) {
  object$field(intersect(names, names(object$getRefClass()$fields()))[1])
}

answer <- function(job, fitted) {
  # The last class is zero; the field sigma of older versions is a variance too.
  list(
    stop = "relative gain below 1e-6",
    iterations = length(fitted$stat$stored_loglik),
    reported = as.numeric(known(fitted$stat, c("loglik", "log_lik"))),
    parameters = list(
      gate = job_array(rbind(t(fitted$param$alpha), 0)),
      mean = job_array(t(fitted$param$beta)),
      variance = job_array(as.vector(known(fitted$param, c("sigma2", "sigma"))))
    )
  )
}

job_run("meteorits", fit, answer)
