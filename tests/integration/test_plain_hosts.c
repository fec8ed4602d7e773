/* Hosts that a configuration lists by address, as real ones are: the lab's, of which nothing tells
 * that they are a lab's. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/memory.h"
#include "tests/lib/lab_case.h"

enum { CALL_MS = 10000, HOSTS = 2 };

/* systemctl as far as Rift uses it, for one unit whose process counts in a file; every word that it
 * is told is written down. A lab host has no systemd. */
static const char fake_systemctl[] =
    "cat > /usr/local/bin/systemctl <<'END'\n"
    "#!/bin/bash\n"
    "echo \"$*\" >> /run/systemctl.log\n"
    "[ \"$1\" = --no-block ] && shift\n"
    "groups=$(awk '$3 ~ /^cgroup/ {print $2 \"/system.slice/toy.service\"}' /proc/mounts)\n"
    "pids() { for g in $groups; do cat $g/cgroup.procs 2>/dev/null; done; }\n"
    "case \"$1 ${@: -1}\" in\n"
    "'show toy.service') printf 'Slice=system.slice\\nControlGroup=%s\\nLoadState=loaded\\n' "
    "$([ -z \"$(pids)\" ] || echo /system.slice/toy.service);;\n"
    "show*) echo LoadState=not-found;;\n"
    "'start toy.service') [ -z \"$(pids)\" ] || exit 0\n"
    "  mkdir -p $groups /run/toy/data\n"
    "  setsid bash -c 'for g in '\"$(echo $groups)\"'; do echo $$ > $g/cgroup.procs; done; "
    "while :; do echo x >> /run/toy/data/ticks; sleep 0.01; done' </dev/null >/dev/null 2>&1 &\n"
    "  while [ -z \"$(pids)\" ]; do sleep 0.01; done;;\n"
    "'stop toy.service') kill $(pids); while [ -n \"$(pids)\" ]; do sleep 0.01; done;;\n"
    "'is-active toy.service') [ -n \"$(pids)\" ];;\n"
    "'reset-failed toy.service') ;;\n"
    "*) exit 5;;\n"
    "esac\n"
    "END\n"
    "chmod +x /usr/local/bin/systemctl; rm -rf /run/toy /run/systemctl.log; systemctl stop "
    "toy.service 2>/dev/null; systemctl start toy.service; "
    "rm /run/systemctl.log; [ -n \"$(pgrep -f toy/data/tick[s])\" ]";

static int up(void **state)
{
    (void)state;
    return case_up("plain", HOSTS, NULL);
}

static void need_lab(void)
{
    case_need_lab();
    for (size_t i = 0; i < HOSTS; i++)
        test_host_run(&case_hosts[i], "rm -rf /var/lib/rift /etc/rift/allow", NULL, 0);
}

static void start_units(void)
{
    CLEANUP(rift_free) char *path = rift_printf("%s/toy.yaml", case_scratch);
    char output[4096];
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("name: toy\nsummary: counts\npackages: [no-such-package]\n"
          "artifacts:\n  toy: {kind: binary}\n"
          "data_folders: [/run/toy/data]\n"
          "files: [{path: /run/toy/conf, content: \"x\"}]\n"
          "processes:\n  - name: toy\n    command: [\"${artifacts.toy}\"]\n"
          "    ready: {command: [/bin/sh, -c, \"test -s /run/toy/data/ticks\"]}\n"
          "logs: [/run/toy/data/ticks]\n"
          "role: {command: [/bin/test, \"${node.index}\", =, \"1\"]}\n",
          file);
    assert_int_equal(fclose(file), 0);
    for (size_t i = 0; i < HOSTS; i++)
        assert_exit_code(test_host_run(&case_hosts[i], fake_systemctl, output, sizeof output), 0,
                         output);
}

static void stop_units(void)
{
    for (size_t i = 0; i < HOSTS; i++)
        test_host_run(&case_hosts[i], "systemctl stop toy.service; rm -f /usr/local/bin/systemctl",
                      NULL, 0);
}

/* What systemd was told on a host, one command a line. */
static char *told(size_t host, char output[4096])
{
    test_host_run(&case_hosts[host], "cat /run/systemctl.log", output, 4096);
    return output;
}

static long pid_of_unit(size_t host)
{
    char output[256];
    test_host_run(&case_hosts[host], "pgrep -o -f toy/data/tick[s]", output, sizeof output);
    return strtol(output, NULL, 10);
}

/* A configuration of these hosts with more lines; the path of its file. */
static char *write_config(const char *lines)
{
    char *path = rift_printf("%s/config.yaml", case_scratch);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("nodes:\n", file);
    for (size_t i = 0; i < HOSTS; i++)
        fprintf(file, "  - {address: %s, port: %d, user: %s, key: %s, known_hosts: %s}\n",
                case_hosts[i].address, case_hosts[i].port, case_hosts[i].user,
                case_hosts[i].key_file, case_hosts[i].known_hosts_file);
    fprintf(file,
            "client: {name: stdio, command: [/bin/true]}\nworkload: register\n"
            "time_limit_s: 1\n%s",
            lines);
    assert_int_equal(fclose(file), 0);
    return path;
}

static int rift(const char *before, const char *config, const char *after, char *output,
                size_t size)
{
    CLEANUP(rift_free)
    char *script = rift_printf("cd %s && %s %s %s %s 2>&1", case_scratch, test_rift_binary(),
                               before, config, after);
    return test_run(script, output, size);
}

static void assert_untouched(void)
{
    for (size_t i = 0; i < HOSTS; i++)
        assert_int_equal(test_host_run(&case_hosts[i], "test ! -e /var/lib/rift", NULL, 0), 0);
}

static void nothing_is_touched_on_a_host_that_did_not_agree(void **state)
{
    (void)state;
    need_lab();
    char output[8192];
    CLEANUP(rift_free)
    char *config = write_config("faults: [{pause: one, start_s: 0, for_s: 1}]\n");
    static const struct {
        const char *before, *after;
        int code;
    } commands[] = {{"doctor", "", 255},
                    {"run", "--quiet", 255},
                    {"fault partition --isolate n2 --for 2s --config", "", 255}};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        int code = rift(commands[i].before, config, commands[i].after, output, sizeof output);
        if (code != commands[i].code)
            fail_msg("%s: %d: %s", commands[i].before, code, output);
        for (size_t host = 0; host < HOSTS; host++) {
            CLEANUP(rift_free)
            char *line = rift_printf("%s (%s port %d): faults are not allowed on this host; make "
                                     "the file /etc/rift/allow on it, or put into the "
                                     "configuration: allow_faults: [%s]",
                                     case_hosts[host].name, case_hosts[host].address,
                                     case_hosts[host].port, case_hosts[host].name);
            assert_says(output, line);
        }
        assert_untouched();
    }
}

static void a_host_agrees_by_its_file_or_by_the_configuration(void **state)
{
    (void)state;
    need_lab();
    char output[8192];
    CLEANUP(rift_free)
    char *half = write_config("faults: [{pause: one}]\nallow_faults: [n1]\n");
    assert_exit_code(rift("doctor", half, "", output, sizeof output), 255, output);
    assert_says(output, "allow_faults: [n2]");
    assert_null(strstr(output, "allow_faults: [n1]"));
    /* What a tool that deploys files may leave there by mistake is no word of the host's owner. */
    static const char *const no_files[] = {"mkdir -p /etc/rift/allow", "mkfifo /etc/rift/allow",
                                           "ln -s /no-such /etc/rift/allow"};
    for (size_t i = 0; i < sizeof no_files / sizeof *no_files; i++) {
        assert_int_equal(test_host_run(&case_hosts[1], no_files[i], NULL, 0), 0);
        assert_exit_code(rift("doctor", half, "", output, sizeof output), 255, output);
        assert_says(output, "allow_faults: [n2]");
        test_host_run(&case_hosts[1], "rm -r /etc/rift/allow", NULL, 0);
    }
    test_host_run(&case_hosts[1], "touch /etc/rift/allow", NULL, 0);
    assert_exit_code(rift("doctor", half, "", output, sizeof output), 0, output);
    if (rift("fault partition --isolate n2 --for 1s --config", half, "", output, sizeof output))
        fail_msg("%s", output);
    assert_says(output, "n1 heard again");
}

static void a_run_without_faults_and_a_heal_need_no_leave(void **state)
{
    (void)state;
    need_lab();
    char output[8192];
    CLEANUP(rift_free) char *calm = write_config("");
    assert_exit_code(rift("doctor", calm, "", output, sizeof output), 0, output);
    CLEANUP(rift_free) char *broken = write_config("faults: [{pause: one}]\n");
    assert_exit_code(rift("heal", broken, "", output, sizeof output), 0, output);
}

/* Of a cluster that is broken: a name that is not known any more comes first, and by ssh_config(5)
 * the second host has a third name, too. */
static void a_heal_of_a_cluster_reaches_whom_it_can(void **state)
{
    (void)state;
    need_lab();
    char output[8192];
    struct rift_error err;
    struct rift_node_settings settings = test_node_settings(&case_hosts[1]);
    struct rift_node *node = rift_node_open(&settings, &err);
    assert_non_null(node);
    CLEANUP(rift_free) char *path = rift_printf("%s/broken.yaml", case_scratch);
    CLEANUP(rift_free) char *alias = rift_printf("%s/alias", case_scratch);
    FILE *file = fopen(alias, "w");
    fprintf(file, "Host again\n  HostName %s\n", case_hosts[1].address);
    assert_int_equal(fclose(file), 0);
    file = fopen(path, "w");
    fputs("nodes:\n  - {name: lost, address: lost.invalid}\n", file);
    for (size_t i = 0; i < 2; i++)
        fprintf(file,
                "  - {name: %s, address: %s, config: alias, port: %d, user: %s, key: %s, "
                "known_hosts: %s}\n",
                i ? "again" : "n2", i ? "again" : case_hosts[1].address, case_hosts[1].port,
                case_hosts[1].user, case_hosts[1].key_file, case_hosts[1].known_hosts_file);
    fputs("client: {name: stdio, command: [/bin/true]}\nworkload: register\n", file);
    assert_int_equal(fclose(file), 0);
    assert_exit_code(rift("heal", path, "", output, sizeof output), 255, output);
    assert_says(output, "lost (lost.invalid port 22): look up its address");
    assert_says(output, "this node is healed");
    assert_int_equal(test_host_run(&case_hosts[1], "! pgrep rift-agent", NULL, 0), 0);
    rift_node_close(node);
}

/* The agent's own word, where a controller forgot to ask. */
static void an_agent_injects_nothing_where_nobody_allowed_it(void **state)
{
    (void)state;
    need_lab();
    struct rift_error err;
    struct rift_node_settings settings = test_node_settings(&case_hosts[0]);
    settings.faults = RIFT_NODE_FAULTS_NONE;
    struct rift_node *node = rift_node_open(&settings, &err);
    if (!node)
        fail_msg("%s", err.text);
    json_t *args = json_pack("{s:s, s:s, s:{}, s:[{s:s, s:[s]}]}", "id", "w0", "fault", "partition",
                             "options", "peers", "name", "n2", "addresses", case_hosts[1].address);
    static const char *const verbs[] = {"probe_fault", "inject"};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(rift_node_call(node, verbs[i], args, CALL_MS, NULL, &err), -1);
        assert_int_equal(err.code, RIFT_ERR_DENIED);
        assert_says(err.text, "/etc/rift/allow");
    }
    test_host_run(&case_hosts[0], "mkdir -p /etc/rift && touch /etc/rift/allow", NULL, 0);
    if (rift_node_call(node, "inject", args, CALL_MS, NULL, &err) != 0)
        fail_msg("%s", err.text);
    json_decref(args);
    rift_node_close(node);
}

/* The whole way: a run that kills and pauses units, and leaves them running as it found them. */
static void a_run_breaks_the_units_of_a_cluster_that_runs_already(void **state)
{
    (void)state;
    need_lab();
    start_units();
    char output[8192], words[4096];
    CLEANUP(rift_free) char *here = realpath("clients/stdio/example_register.py", NULL);
    CLEANUP(rift_free) char *client = rift_printf("%s/client", case_scratch);
    CLEANUP(rift_free)
    char *lines = rift_printf("system: {recipe: toy.yaml, attach: {unit: toy.service}}\n"
                              "allow_faults: [n1, n2]\nrecovery_s: 1\n"
                              "faults:\n  - {kill: primaries, start_s: 0.5, for_s: 1}\n"
                              "  - {pause: [n2], start_s: 0.5, for_s: 1}\n");
    CLEANUP(rift_free) char *config = write_config(lines);
    CLEANUP(rift_free)
    char *set = rift_printf("--runs %s/runs --set time_limit_s=4 "
                            "--set 'client.command=[python3, %s, %s]' --quiet",
                            case_scratch, here, client);
    CLEANUP(rift_free) char *mine = rift_printf("mkdir -p %s", client);
    test_run(mine, NULL, 0);
    long before[HOSTS] = {pid_of_unit(0), pid_of_unit(1)};
    int code = rift("run", config, set, output, sizeof output);
    assert_exit_code(code, 0, output);
    assert_true(pid_of_unit(0) > 0 && pid_of_unit(0) != before[0]);
    assert_int_equal(pid_of_unit(1), before[1]);
    for (size_t i = 0; i < HOSTS; i++) {
        assert_int_equal(test_host_run(&case_hosts[i], "test ! -e /run/toy/conf", NULL, 0), 0);
    }
    CLEANUP(rift_free)
    char *logs = rift_printf("test -s %s/runs/latest/nodes/n1/ticks && "
                             "test -s %s/runs/latest/nodes/n2/ticks",
                             case_scratch, case_scratch);
    assert_int_equal(test_run(logs, NULL, 0), 0);
    assert_says(told(0, words), "start toy.service");
    assert_null(strstr(told(0, words), "stop"));
    assert_null(strstr(told(1, words), "start"));
    assert_null(strstr(words, "stop"));
    stop_units();
}

/* For the checks of a recipe, which ask a system that was there before us. */
static void a_secret_for_a_system_that_runs_goes_with_the_shell(void **state)
{
    (void)state;
    need_lab();
    start_units();
    char output[8192];
    CLEANUP(rift_free)
    char *config = write_config("system: {recipe: secret.yaml, attach: {unit: toy.service}, "
                                "secrets: {word: word}}\nallow_faults: [n1, n2]\n");
    CLEANUP(rift_free)
    char *script = rift_printf(
        "cd %s; (umask 077; echo ks4-open-sesame >word); { cat toy.yaml; echo 'secrets: {word: "
        "{}}'; } >secret.yaml; mkfifo say; %s shell %s <say & exec 3>say; for i in $(seq 200); do "
        "[ -s /proc/%d/root/run/rift-secrets/word ] && echo it is there && break; sleep 0.05; "
        "done; exec 3>&-; wait; test ! -e /proc/%d/root/run/rift-secrets",
        case_scratch, test_rift_binary(), config, (int)case_hosts[0].init_pid,
        (int)case_hosts[0].init_pid);
    assert_exit_code(test_run(script, output, sizeof output), 0, output);
    assert_says(output, "it is there");
    stop_units();
}

static void a_killed_unit_is_started_again_though_the_controller_died(void **state)
{
    (void)state;
    need_lab();
    start_units();
    char output[8192];
    CLEANUP(rift_free)
    char *config = write_config("system: {recipe: toy.yaml, attach: {unit: toy.service}}\n"
                                "allow_faults: [n1, n2]\nlease_s: 2\n");
    CLEANUP(rift_free)
    char *script = rift_printf("cd %s; %s fault kill --on '[n1]' --for 30s --config %s >log 2>&1 "
                               "& pid=$!; for i in $(seq 200); do grep -q left %s/log && break; "
                               "sleep 0.1; done; kill -9 $pid; grep left %s/log; cat %s/log",
                               case_scratch, test_rift_binary(), config, case_scratch, case_scratch,
                               case_scratch);
    test_run(script, output, sizeof output);
    assert_says(output, "s left");
    static const char wait[] = "for i in $(seq 100); do pgrep -f toy/data/tick[s] && exit 0; sleep "
                               "0.1; done; exit 1";
    if (test_host_run(&case_hosts[0], wait, NULL, 0) != 0)
        fail_msg("%s\n%s", output, told(0, output));
    stop_units();
}

static void a_wipe_is_only_done_when_asked_and_takes_only_the_data(void **state)
{
    (void)state;
    need_lab();
    start_units();
    char output[8192];
    struct rift_error err;
    struct rift_node_settings settings = test_node_settings(&case_hosts[0]);
    struct rift_node *node = rift_node_open(&settings, &err);
    if (!node)
        fail_msg("%s", err.text);
    json_t *process = json_pack("{s:s, s:[s]}", "name", "toy", "command", "/bin/toy");
    json_t *args =
        json_pack("{s:{s:s, s:[s], s:[o]}, s:{s:{s:s, s:s, s:i}, s:[], s:{}, s:{}}, s:{s:s}}",
                  "recipe", "name", "toy", "data_folders", "/run/toy/data", "processes", process,
                  "context", "node", "name", "n1", "address", case_hosts[0].address, "index", 1,
                  "nodes", "options", "artifacts", "attach", "unit", "toy.service");
    static const char *const verbs[] = {"system.configure", "system.stop", "system.wipe",
                                        "system.start"};
    test_host_run(&case_hosts[0], "touch /run/toy/keep /run/toy/data/old; chmod 751 /run/toy/data",
                  NULL, 0);
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (rift_node_call(node, verbs[i], args, CALL_MS, NULL, &err) != 0)
            fail_msg("%s: %s", verbs[i], err.text);
    test_host_run(&case_hosts[0], "stat -c %a /run/toy/data; ls /run/toy /run/toy/data", output,
                  sizeof output);
    assert_string_equal(output, "751\n/run/toy:\ndata\nkeep\n\n/run/toy/data:\nticks");
    static const char *const no_system[] = {"/system.slice", "/", "/../x", "/system.slice/.."};
    for (size_t i = 0; i < sizeof no_system / sizeof *no_system; i++) {
        json_object_set_new(args, "attach", json_pack("{s:s}", "cgroup", no_system[i]));
        assert_int_equal(rift_node_call(node, "system.configure", args, CALL_MS, NULL, &err), -1);
        assert_int_equal(err.code, RIFT_ERR_INVALID);
    }
    json_object_set_new(args, "attach", json_pack("{s:s}", "cgroup", "/system.slice/toy.service"));
    assert_int_equal(rift_node_call(node, "system.configure", args, CALL_MS, NULL, &err), 0);
    json_t *fault = json_pack("{s:s, s:s, s:{}}", "id", "w0", "fault", "kill", "options");
    assert_int_equal(rift_node_call(node, "inject", fault, CALL_MS, NULL, &err), -1);
    assert_says(err.text, "nothing could start the system again");
    json_object_set_new(fault, "fault", json_string("pause"));
    if (rift_node_call(node, "inject", fault, CALL_MS, NULL, &err) != 0)
        fail_msg("%s", err.text);
    static const char state_of[] = "sed 's/.*) //; s/ .*//' /proc/$(pgrep -o -f "
                                   "toy/data/tick[s])/stat";
    test_host_run(&case_hosts[0], state_of, output, sizeof output);
    assert_string_equal(output, "t");
    json_decref(fault);
    json_decref(args);
    rift_node_close(node);
    test_host_run(&case_hosts[0], state_of, output, sizeof output);
    assert_string_equal(output, "S");
    stop_units();
}

static void a_unit_that_is_not_there_is_named_before_anything_happens(void **state)
{
    (void)state;
    need_lab();
    start_units();
    char output[8192];
    CLEANUP(rift_free)
    char *config = write_config("system: {recipe: toy.yaml, attach: {unit: tow.service}}\n"
                                "allow_faults: [n1, n2]\nfaults: [kill]\n");
    assert_exit_code(rift("doctor", config, "", output, sizeof output), 255, output);
    assert_says(output, "n1: systemd has no unit 'tow.service' here (not-found)");
    stop_units();
    assert_exit_code(rift("doctor", config, "", output, sizeof output), 255, output);
    assert_says(output, "systemctl");
}

/* A second sshd on the host, which takes passwords; the lab's own does not. */
static void a_password_from_a_file_logs_in_and_is_found_nowhere_after(void **state)
{
    (void)state;
    need_lab();
    char output[8192];
    static const char serve[] =
        "echo root:hu7-open-sesame | chpasswd -c SHA512; printf 'Port "
        "2222\\nPasswordAuthentication "
        "yes\\nPermitRootLogin yes\\nKbdInteractiveAuthentication no\\nUsePAM no\\nPidFile "
        "none\\nSubsystem sftp internal-sftp\\nHostKey /etc/ssh/rift_lab_host_key\\n' > "
        "/run/sshd2; "
        "/usr/sbin/sshd -f /run/sshd2";
    assert_exit_code(test_host_run(&case_hosts[0], serve, output, sizeof output), 0, output);
    CLEANUP(rift_free)
    char *prepare = rift_printf(
        "cd %s; umask 077; echo hu7-open-sesame > password; echo wrong > "
        "wrong; sed -n 's/^%s,[^ ]* /[%s]:2222 /p' %s > known; test -s known",
        case_scratch, case_hosts[0].address, case_hosts[0].address, case_hosts[0].known_hosts_file);
    assert_exit_code(test_run(prepare, output, sizeof output), 0, output);
    CLEANUP(rift_free) char *config = write_config("");
    CLEANUP(rift_free)
    char *set = rift_printf("--runs runs-p --quiet --set 'nodes=[\"%s:2222\"]' --set "
                            "'ssh={password_file: password, known_hosts: known}'",
                            case_hosts[0].address);
    /* The client is none, so the run fails; but after it has logged in. */
    rift("run", config, set, output, sizeof output);
    assert_int_equal(test_host_run(&case_hosts[0], "ls /var/lib/rift/rift-agent-*", NULL, 0), 0);
    CLEANUP(rift_free)
    char *search = rift_printf("cd %s && cp password runs-p/planted && grep -rq hu7-open-sesame "
                               "runs-p && rm runs-p/planted && grep -q 'password_file' "
                               "runs-p/*/*/plan.yaml && ! grep -r hu7-open-sesame runs-p "
                               "config.yaml",
                               case_scratch);
    assert_exit_code(test_run(search, output, sizeof output), 0, output);
    assert_int_not_equal(
        test_host_run(&case_hosts[0],
                      "grep -r hu7-open-sesame /var/lib/rift /proc/*/cmdline | grep -v "
                      "grep",
                      NULL, 0),
        0);
    CLEANUP(rift_free) char *wrong = rift_printf("%s/wrong", case_scratch);
    CLEANUP(rift_free) char *known = rift_printf("%s/known", case_scratch);
    struct rift_error err;
    struct rift_node_settings settings = test_node_settings(&case_hosts[0]);
    settings.port = 2222;
    settings.key_file = NULL;
    settings.known_hosts_file = known;
    settings.password_file = wrong;
    assert_null(rift_node_open(&settings, &err));
    assert_says(err.text, "refuses the password in");
    CLEANUP(rift_free) char *open = rift_printf("chmod 644 %s", wrong);
    test_run(open, NULL, 0);
    assert_null(rift_node_open(&settings, &err));
    assert_says(err.text, "chmod 600");
}

static void a_key_of_ssh_agent_logs_in_and_the_agent_is_not_lent_to_the_host(void **state)
{
    (void)state;
    need_lab();
    char output[512];
    CLEANUP(rift_free) char *socket = rift_printf("%s/agent.sock", case_scratch);
    CLEANUP(rift_free)
    char *start = rift_printf("eval $(ssh-agent -a %s) >/dev/null && ssh-add -q %s && echo "
                              "$SSH_AGENT_PID",
                              socket, case_hosts[0].key_file);
    assert_exit_code(test_run(start, output, sizeof output), 0, output);
    pid_t agent = (pid_t)strtol(output, NULL, 10);
    assert_true(agent > 1);
    struct rift_error err;
    struct rift_node_settings settings = test_node_settings(&case_hosts[0]);
    settings.key_file = NULL;
    setenv("SSH_AUTH_SOCK", socket, 1);
    struct rift_node *node = rift_node_open(&settings, &err);
    unsetenv("SSH_AUTH_SOCK");
    kill(agent, SIGTERM);
    if (!node)
        fail_msg("%s", err.text);
    json_t *reply = NULL;
    json_t *args = json_pack("{s:[s, s, s]}", "argv", "/bin/sh", "-c",
                             "tr '\\0' '\\n' < /proc/$PPID/environ; ls -d /tmp/ssh-*");
    if (rift_node_call(node, "exec", args, CALL_MS, &reply, &err) != 0)
        fail_msg("%s", err.text);
    const char *said = json_string_value(json_object_get(reply, "stdout"));
    assert_non_null(strstr(said, "SSH_CONNECTION="));
    assert_null(strstr(said, "SSH_AUTH_SOCK"));
    assert_null(strstr(said, "/tmp/ssh-"));
    json_decref(reply);
    json_decref(args);
    rift_node_close(node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_touched_on_a_host_that_did_not_agree),
        cmocka_unit_test(a_host_agrees_by_its_file_or_by_the_configuration),
        cmocka_unit_test(a_run_without_faults_and_a_heal_need_no_leave),
        cmocka_unit_test(a_heal_of_a_cluster_reaches_whom_it_can),
        cmocka_unit_test(an_agent_injects_nothing_where_nobody_allowed_it),
        cmocka_unit_test(a_run_breaks_the_units_of_a_cluster_that_runs_already),
        cmocka_unit_test(a_secret_for_a_system_that_runs_goes_with_the_shell),
        cmocka_unit_test(a_killed_unit_is_started_again_though_the_controller_died),
        cmocka_unit_test(a_wipe_is_only_done_when_asked_and_takes_only_the_data),
        cmocka_unit_test(a_password_from_a_file_logs_in_and_is_found_nowhere_after),
        cmocka_unit_test(a_key_of_ssh_agent_logs_in_and_the_agent_is_not_lent_to_the_host),
        cmocka_unit_test(a_unit_that_is_not_there_is_named_before_anything_happens),
    };
    return cmocka_run_group_tests(tests, up, case_down);
}
