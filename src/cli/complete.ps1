Register-ArgumentCompleter -Native -CommandName fleetsweep -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    # The words before the cursor, as they were typed: nothing in them is run.
    $text = [System.Management.Automation.Language.StringConstantExpressionAst]
    $words = @($commandAst.CommandElements |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } |
        ForEach-Object { if ($_ -is $text) { $_.Value } else { $_.Extent.Text } })
    $words += $wordToComplete

    # Windows PowerShell, and PowerShell before 7.3, lose an empty word on the way to a program.
    $passing = Get-Variable -Name PSNativeCommandArgumentPassing -ValueOnly -ErrorAction Ignore
    $empty = if ("$passing" -in '', 'Legacy') { '""' } else { '' }
    $words = @($words | ForEach-Object {
        $word = "$_".Replace('"', '')
        if ($word) { $word } else { $empty }
    })

    $before = $env:FLEETSWEEP_COMPLETE
    $env:FLEETSWEEP_COMPLETE = 'powershell'
    try {
        $offers = @(& fleetsweep -- @words)
    } finally {
        $env:FLEETSWEEP_COMPLETE = $before
    }
    $offers | ForEach-Object {
        $offer, $help = $_ -split "`t", 2
        if (-not $help) { $help = $offer }
        $typed = $offer
        if ($offer -match '[\s''"`$&(),;<>@{|}]') { $typed = "'" + $offer.Replace("'", "''") + "'" }
        [System.Management.Automation.CompletionResult]::new($typed, $offer, 'ParameterValue', $help)
    }
}
