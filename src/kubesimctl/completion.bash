# SPDX-License-Identifier: Apache-2.0
# bash completion for kubesimctl(1)

# The first column of a list, with the options that say where the server is.
__kubesimctl_ids() {
    local word options=()
    for word in "${COMP_WORDS[@]}"; do
        case $word in --socket=* | --server=* | --token-file=*) options+=("$word") ;; esac
    done
    kubesimctl "${options[@]}" --no-pager --no-legend --json=off "$1" 2>/dev/null | cut -d ' ' -f 1
}

# The names of the placement algorithms, whichever is chosen.
__kubesimctl_algorithms() {
    local word options=()
    for word in "${COMP_WORDS[@]}"; do
        case $word in --socket=* | --server=* | --token-file=*) options+=("$word") ;; esac
    done
    kubesimctl "${options[@]}" --no-pager --json=off scheduler 2>/dev/null | sed -E 's/^[* ] ([^ ]+).*/\1/'
}

# What the help says: the commands; the options of one and those of all.
__kubesimctl_verbs() { kubesimctl --help 2>/dev/null | sed -nE 's/^  ([a-z][a-z-]+) .*/\1/p'; }
__kubesimctl_options() {
    { kubesimctl --help; [[ -z $1 ]] || kubesimctl "$1" --help; } 2>/dev/null | sed -nE 's/^  [ -][ a-z] (--[a-z-]+=?).*/\1/p; s/^  [ -][ a-z] (--[a-z-]+)\[=.*/\1/p'
}

_kubesimctl() {
    local cur=${COMP_WORDS[COMP_CWORD]} verb='' i

    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        [[ ${COMP_WORDS[i]} != -* && ${COMP_WORDS[i - 1]} != '=' && ${COMP_WORDS[i]} != '=' ]] && { verb=${COMP_WORDS[i]}; break; }
    done
    case $cur in
        --json=*) mapfile -t COMPREPLY < <(compgen -W 'short pretty off' -- "${cur#*=}"); return ;;
        --algorithm=* | --algorithms=*)
            local given=${cur#*=} before=''
            [[ $given == *,* ]] && before=${given%,*},
            mapfile -t COMPREPLY < <(compgen -P "$before" -W "$(__kubesimctl_algorithms)" -- "${given##*,}")
            return ;;
        --kind=*) mapfile -t COMPREPLY < <(compgen -W 'hang stop slow flap' -- "${cur#*=}"); return ;;
        --*=*) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "${cur#*=}"); return ;;
        -*)
            mapfile -t COMPREPLY < <(compgen -W "$(__kubesimctl_options "$verb")" -- "$cur")
            [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
            return ;;
    esac
    case $verb in
        '') mapfile -t COMPREPLY < <(compgen -W "$(__kubesimctl_verbs)" -- "$cur") ;;
        show-node | remove-node | stop-node | restart-node | fail-node | recover-node | plug-node | unplug-node)
            mapfile -t COMPREPLY < <(compgen -W "$(__kubesimctl_ids list-nodes)" -- "$cur") ;;
        show-pod | remove-pod | restart-pod | explain)
            mapfile -t COMPREPLY < <(compgen -W "$(__kubesimctl_ids list-pods)" -- "$cur") ;;
        scheduler) mapfile -t COMPREPLY < <(compgen -W "$(__kubesimctl_algorithms)" -- "$cur") ;;
        capacity | compare) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    esac
}

complete -F _kubesimctl kubesimctl
