namespace CsiLocal.Cli;

/// <summary>The scripts themselves. Each asks the program, by its [suggest:POSITION] directive, what could come at the cursor.</summary>
/// <remarks>
/// The program's own name is not part of the line that it is asked about, so a renamed or linked executable completes as well.
/// The program suggests what contains the word; shells complete by prefix, so the scripts filter.
/// </remarks>
internal static class CompletionScripts
{
    public const string Bash = """
        # bash completion for csilocal
        _csilocal() {
            local line current candidate
            # Everything after the program's name, up to the cursor.
            line="${COMP_LINE:0:COMP_POINT}"
            line="${line#"${COMP_WORDS[0]}"}"
            line="${line# }"
            current="${COMP_WORDS[COMP_CWORD]}"
            # --option=value is two words to bash and one to the program.
            if [[ "$line" =~ ^(.*[[:space:]]--[a-z-]+)=([^[:space:]]*)$ ]]; then
                line="${BASH_REMATCH[1]} ${BASH_REMATCH[2]}"
                current="${BASH_REMATCH[2]}"
            fi
            COMPREPLY=()
            while IFS= read -r candidate; do
                if [[ -n "$candidate" && "$candidate" == "$current"* ]]; then
                    COMPREPLY+=("$candidate")
                fi
            done < <("${COMP_WORDS[0]}" "[suggest:${#line}]" "$line" 2>/dev/null)
            # Nothing to suggest: a path, perhaps.
            if [[ ${#COMPREPLY[@]} -eq 0 && "$current" != -* ]]; then
                mapfile -t COMPREPLY < <(compgen -f -- "$current")
            fi
        }
        complete -o filenames -F _csilocal csilocal

        """;

    public const string Zsh = """
        #compdef csilocal
        # zsh completion for csilocal
        _csilocal() {
            local line
            local -a candidates
            line="${(j: :)words[2,CURRENT]}"
            candidates=("${(@f)$("${words[1]}" "[suggest:${#line}]" "$line" 2>/dev/null)}")
            candidates=(${candidates:#})
            if (( ${#candidates} )); then
                compadd -- "${candidates[@]}"
            else
                _files
            fi
        }
        if [[ "${funcstack[1]}" == "_csilocal" ]]; then
            _csilocal "$@"
        else
            compdef _csilocal csilocal
        fi

        """;

    public const string Fish = """
        # fish completion for csilocal
        function __csilocal_complete
            set -l words (commandline -opc) (commandline -ct)
            set -l line (string join ' ' -- $words[2..-1])
            $words[1] "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null
        end
        complete -c csilocal -a '(__csilocal_complete)'

        """;
}
