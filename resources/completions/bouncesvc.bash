# bash completion of bouncesvc
_bouncesvc() {
    local word command= words
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        [[ $word == -* ]] || command="${command:+$command }$word"
    done
    case " $command " in
        *" import-sqlite "*) words="--help --dry-run --config --env --debug --version" ;;
        *" sign "*) words="--help --address --domain --prefix --config --env --debug --version" ;;
        *" backup "*) words="--help --config --env --debug --version" ;;
        *" tail "*) words="--help --config --env --debug --version" ;;
        *" stats "*) words="--help --format --config --env --debug --version" ;;
        *" quarantine drop "*) words="--help --exported --all --config --env --debug --version" ;;
        *" quarantine export "*) words="--help --config --env --debug --version" ;;
        *" quarantine show "*) words="--help --config --env --debug --version" ;;
        *" quarantine list "*) words="--help --format --limit --config --env --debug --version" ;;
        *" quarantine "*) words="list show export drop --help --config --env --debug --version" ;;
        *" queue drop "*) words="--help --domain --parked --all --config --env --debug --version" ;;
        *" queue retry "*) words="--help --domain --parked --all --config --env --debug --version" ;;
        *" queue show "*) words="--help --format --config --env --debug --version" ;;
        *" queue list "*) words="--help --format --domain --parked --pending --limit --config --env --debug --version" ;;
        *" queue "*) words="list show retry drop --help --config --env --debug --version" ;;
        *" forget-address "*) words="--help --address --config --env --debug --version" ;;
        *" reset-counter "*) words="--help --bounced-address --domain --config --env --debug --version" ;;
        *" set-permanent-bounced-address "*) words="--help --bounced-address --domain --config --env --debug --version" ;;
        *" find-address "*) words="--help --address --format --config --env --debug --version" ;;
        *" dump-counters "*) words="--help --format --domain --address --min-count --sort --limit --config --env --debug --version" ;;
        *" replay "*) words="--help --dry-run --format --config --env --debug --version" ;;
        *" classify "*) words="--help --format --config --env --debug --version" ;;
        *" print-config "*) words="--help --config --env --debug --version" ;;
        *" check-config "*) words="--help --config --env --debug --version" ;;
        *" stdin "*) words="--help --config --env --debug --version" ;;
        *" run-smtpserver "*) words="--help --host --port --log-format --config --env --debug --version" ;;
        *) words="run-smtpserver stdin check-config print-config classify replay dump-counters find-address set-permanent-bounced-address reset-counter forget-address queue quarantine stats tail backup sign import-sqlite --help --config --env --debug --version" ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _bouncesvc bouncesvc
